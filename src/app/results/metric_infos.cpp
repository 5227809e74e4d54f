// SPDX-License-Identifier: Apache-2.0
#include "app/results/metric_infos.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>

namespace quantscope {
namespace {

// r: original element, r^: dequantized element, n: their number.
std::vector<MetricInfo> makeInfos() {
    using enum MetricFormat;
    return {
        {"bits_per_weight", "bits / weight",
         "(codes + scales + zero points + codebooks + padding), in bits / n", Fixed, 2},
        {"sqnr_db", "SQNR dB", "10 log10( sum r^2 / sum (r - r^)^2 ), one ratio over all elements", Fixed, 2,
         0, true},
        {"mse", "MSE", "sum (r - r^)^2 / n = clipping + rounding", Scientific, 2, 0, true},
        {"max_abs", "max |error|", "max |r - r^|", Significant, 4, 3, true},
        {"cosine", "cosine", "sum r r^ / sqrt( sum r^2 · sum r^^2 )", FixedOrOne, 6, 1, true},
        {"relative_frobenius", "rel. error", "||R - R^||_F / ||R||_F", Percent, 3, 2, true},
        {"output_error", "output error",
         "||X (W - W^)^T||_F / ||X W^T||_F, expected under the captured second moments of the inputs X; "
         "– when the inputs of this tensor were not captured",
         Percent, 3, 0, true},
        {"clipped_share", "clipped",
         "elements outside [r^(lowest code), r^(highest code)] / n; – where what may be stored has no limits",
         Percent, 3, 0, true},

        {"clipping_mse", "clipping MSE", "the part of the MSE from elements outside the representable range",
         Scientific, 2, 0, true},
        {"rounding_mse", "rounding MSE", "the part of the MSE from elements inside it", Scientific, 2, 0,
         true},
        {"rmse", "RMSE", "sqrt( MSE ); S / sqrt(12) for evenly spread rounding errors", Significant, 4, 0,
         true},
        {"code_use", "codes used", "codes that occur / codes there are", Percent, 1, 0, true},
        {"code_entropy_bits", "entropy",
         "- sum p log2 p over the codes: bits a perfect compressor would need", Fixed, 2, 0, true},

        {"linear_bits", "bits / weight", "of the quantized linear layers, scales and zero points included",
         Fixed, 2},
        {"model_bytes", "size", "of the whole model's weights under this variant", MebiBytes, 1, 2},
        {"perplexity", "perplexity", "exp( mean of -log p(token) ) ± its standard error", WithError, 4},
        {"delta_nll", "Δ nat ± se",
         "mean over tokens of nll - nll of the first variant, paired token by token ± standard error",
         SignedWithError, 4},
        {"kl_mean", "KL mean", "mean over tokens of sum p log(p / q), p: first variant, q: this one; in nats",
         Significant, 4},
        {"top1_agreement", "top-1 same",
         "share of tokens whose most likely next token is the first variant's", Percent, 1},
        {"tokens_per_second", "tokens / s", "scored tokens / seconds spent in this variant", Fixed, 0, 1},
        {"seconds", "seconds", "spent in this variant: quantizing and scoring", Fixed, 1},

        {"product_bits", "bits X · W", "of the codes; 32 is float", Pair, 0},
        {"product_relative", "rel. error", "||Y^ - Y||_F / ||Y||_F over the whole product", Percent, 3},
        {"product_max_abs", "max |error|", "max |y^ - y|", Significant, 4},
        {"requantized_relative", "as int8",
         "||Y^ - Y||_F / ||Y||_F after integer requantization to 8 bits; – where the result has no single "
         "factor a channel",
         Percent, 3},
        {"lifted_out", "lifted out", "inputs multiplied in float because of outliers", Count},
        {"largest_sum", "largest sum", "max |sum of a b| in an accumulator", Count},
        {"beyond_int16", "beyond int16", "accumulators that 16 bits cannot hold", Percent, 2},
    };
}

constexpr const char* kMissing = "–";

std::string fixed(double value, int decimals) {
    if (std::isnan(value)) return kMissing;
    if (std::isinf(value)) return value > 0 ? "∞" : "-∞";
    return fmt::format("{:.{}f}", value, decimals);
}

std::string scientific(double value, int decimals) {
    if (value == 0) return "0";
    if (!std::isfinite(value)) return fixed(value, 0);
    return fmt::format("{:.{}e}", value, decimals);
}

std::string significant(double value, int digits) {
    if (value == 0) return "0";
    if (!std::isfinite(value)) return fixed(value, 0);
    const double size = std::abs(value);
    if (size < 1e-4 || size >= 1e6) return scientific(value, std::max(0, digits - 2));
    return fixed(value, std::max(0, digits - 1 - static_cast<int>(std::floor(std::log10(size)))));
}

std::string percent(double share, int decimals) {
    if (std::isnan(share)) return kMissing;
    return fixed(100 * share, share == 0 || share == 1 ? 0 : decimals) + " %";
}

std::string mebiBytes(double bytes, int decimals) {
    const double size = bytes / (1024.0 * 1024.0);
    return fixed(size, size < 100 ? decimals : 0) + " MiB";
}

std::string signedWithError(const MetricValue& v, int decimals) {
    if (v.value == 0 && v.second == 0) return "0";
    return fmt::format("{}{} ± {}", v.value < 0 ? "" : "+", fixed(v.value, decimals),
                       fixed(v.second, decimals));
}

std::string known(const MetricInfo& info, const MetricValue& v) {
    switch (info.format) {
        case MetricFormat::Fixed:
            return fixed(v.value, info.digits);
        case MetricFormat::FixedOrOne:
            return v.value == 1 ? "1" : fixed(v.value, info.digits);
        case MetricFormat::Scientific:
            return scientific(v.value, info.digits);
        case MetricFormat::Significant:
            return significant(v.value, info.digits);
        case MetricFormat::Percent:
            return percent(v.value, info.digits);
        case MetricFormat::Count:
            return fixed(v.value, 0);
        case MetricFormat::MebiBytes:
            return mebiBytes(v.value, info.digits);
        case MetricFormat::WithError:
            return fmt::format("{} ± {:.2g}", significant(v.value, info.digits), v.second);
        case MetricFormat::SignedWithError:
            return signedWithError(v, info.digits);
        case MetricFormat::Pair:
            return fmt::format("{} · {}", fixed(v.value, 0), fixed(v.second, 0));
    }
    return kMissing;
}

}  // namespace

std::span<const MetricInfo> metricInfos() {
    static const std::vector<MetricInfo> kInfos = makeInfos();
    return kInfos;
}

std::vector<MetricInfo> metricsNamed(std::initializer_list<std::string_view> ids) {
    std::vector<MetricInfo> named;
    for (const std::string_view id : ids) {
        const auto all = metricInfos();
        const auto found =
            std::find_if(all.begin(), all.end(), [&](const MetricInfo& i) { return i.id == id; });
        assert(found != all.end());
        if (found != all.end()) named.push_back(*found);
    }
    return named;
}

std::string metricText(const MetricInfo& info, const MetricValues& values, bool approximate) {
    const auto it = values.find(info.id);
    if (it == values.end() || std::isnan(it->second.value)) return kMissing;
    return (approximate && info.approximate ? "~" : "") + known(info, it->second);
}

}  // namespace quantscope
