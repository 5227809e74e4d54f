// SPDX-License-Identifier: Apache-2.0
#include "methods/smoothquant.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "methods/interface/input_order.h"
#include "methods/interface/options.h"
#include "methods/interface/variant_text.h"
#include "methods/parts/coded_weight.h"

namespace quantscope {
namespace {

std::vector<float> columnAbsMax(std::span<const Tensor> readers) {
    std::vector<float> largest(static_cast<size_t>(readers.front().cols()), 0);
    for (const Tensor& weight : readers) {
        const MatrixView w = weight.matrix();
        for (int64_t r = 0; r < w.rows; ++r)
            for (int64_t c = 0; c < w.cols; ++c)
                largest[static_cast<size_t>(c)] =
                    std::max(largest[static_cast<size_t>(c)], std::abs(w.at(r, c)));
    }
    return largest;
}

struct AlphaSearch {
    double alpha = 0.5;
    std::vector<double> alphas;
    std::vector<double> losses;
};

double squaredDistance(const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        const double d = static_cast<double>(a[i]) - static_cast<double>(b[i]);
        sum += d * d;
    }
    return sum;
}

/// ||Q(X / s) Q(W s)^T - X W^T||^2 over the sample, with activations rounded as the method's own are.
Result<AlphaSearch> searchAlpha(std::span<const Tensor> readers, const std::vector<float>& weightMax,
                                const LayerInput& input, const Scheme& scheme, const Scheme& activations,
                                const Job& job) {
    const CalibrationStatistics& seen = *input.calibration;
    const MatrixView x = seen.sample.matrix();
    constexpr int kPoints = 20;
    AlphaSearch best;
    double least = std::numeric_limits<double>::infinity();
    for (int i = 0; i <= kPoints; ++i) {
        const double alpha = static_cast<double>(i) / kPoints;
        if (!job.proceed(alpha, "SmoothQuant")) return fail(ErrorKind::Cancelled, "SmoothQuant was stopped");
        const ActivationTransform transform{smoothingScale(seen.absMax, weightMax, alpha), {}, {}};
        std::vector<float> changed(static_cast<size_t>(x.size()));
        applyTransform(transform, x, changed.data());
        const auto inputs = roundTrip({changed.data(), x.rows, x.cols, x.cols}, activations, job);
        if (!inputs) return fail(inputs.error());
        double loss = 0;
        for (const Tensor& weight : readers) {
            const auto rounded = roundTrip(inBasis(transform, weight).matrix(), scheme, job);
            if (!rounded) return fail(rounded.error());
            std::vector<float> exact(static_cast<size_t>(x.rows * weight.rows()));
            std::vector<float> coarse(exact.size());
            input.product(x, weight.matrix(), exact.data());
            input.product({inputs->data(), x.rows, x.cols, x.cols},
                          {rounded->data(), weight.rows(), weight.cols(), weight.cols()}, coarse.data());
            loss += squaredDistance(exact, coarse);
        }
        best.alphas.push_back(alpha);
        best.losses.push_back(loss / static_cast<double>(x.rows));
        if (!(loss < least)) continue;
        least = loss;
        best.alpha = alpha;
    }
    return best;
}

std::vector<double> doubles(const std::vector<float>& values, const std::vector<float>& factors,
                            bool divide) {
    std::vector<double> result(values.size());
    for (size_t i = 0; i < values.size(); ++i) {
        const auto factor = static_cast<double>(factors.empty() ? 1.0F : factors[i]);
        result[i] =
            divide ? static_cast<double>(values[i]) / factor : static_cast<double>(values[i]) * factor;
    }
    return result;
}

}  // namespace

std::vector<float> smoothingScale(const std::vector<float>& inputAbsMax,
                                  const std::vector<float>& weightAbsMax, double alpha) {
    constexpr float kSmallest = 1e-5F;  // both maxima are at least this, as in the authors' code
    std::vector<float> s(inputAbsMax.size());
    for (size_t j = 0; j < s.size(); ++j) {
        const float w = std::max(weightAbsMax[j], kSmallest);
        const float value =
            std::pow(inputAbsMax[j], static_cast<float>(alpha)) / std::pow(w, static_cast<float>(1 - alpha));
        s[j] = std::max(value, kSmallest);
        if (inputAbsMax[j] == 0 || weightAbsMax[j] == 0 || !std::isfinite(s[j])) s[j] = 1;
    }
    return s;
}

const MethodInfo& SmoothQuant::info() const {
    static const MethodInfo kInfo = [] {
        MethodInfo info;
        info.name = "smoothquant";
        info.label = "SmoothQuant";
        info.source = "Xiao et al., ICML 2023 (arXiv:2211.10438)";
        info.help =
            "S_j = max|X_j|^alpha / max|W_j|^(1-alpha): inputs are divided by it, weights multiplied, so "
            "that "
            "both fit into 8 bits.";
        info.needs = CalibrationNeed::Moments;
        info.runsOnIntegerKernels = true;
        info.sharesTransform = true;
        info.minimumBits = 8;
        ActivationRecipe activations;
        activations.scheme.granularity = Granularity::Token;
        info.activations = activations;
        info.parameters = {
            realParameter("alpha", "alpha",
                          "0: all of the difficulty stays with the activations, 1: all of it "
                          "goes to the weights",
                          0, 1, "0.5"),
            toggleParameter("search", "Search alpha", "take the alpha with the least output error, by input"),
            inputsParameter()};
        return info;
    }();
    return kInfo;
}

double SmoothQuant::storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const {
    return Method::storedBytes(recipe, rows, cols) + 2.0 * static_cast<double>(cols);
}

Result<LayerResult> SmoothQuant::quantize(const LayerInput& input, const Recipe& recipe,
                                          const Job& job) const {
    const MethodOptions options(info(), recipe);
    const std::vector<Tensor> alone{input.weight};
    const std::span<const Tensor> readers = input.siblings.empty() ? alone : input.siblings;
    const std::vector<float> weightMax = columnAbsMax(readers);
    auto trace = std::make_shared<Trace>();
    double alpha = options.real("alpha");
    if (options.toggle("search")) {
        const std::string key = recipeText(recipe) + " " + std::to_string(readers.size());
        auto search = input.calibration->shared->find<AlphaSearch>(key);
        if (!search) {
            auto found =
                searchAlpha(readers, weightMax, input, recipe.scheme, info().activations->scheme, job);
            if (!found) return fail(found.error());
            search = std::make_shared<const AlphaSearch>(std::move(*found));
            if (!input.siblings.empty()) input.calibration->shared->put(key, search);
        }
        alpha = search->alpha;
        trace->add("loss", "alpha", "||Q(X / s) Q(W s)^T - X W^T||^2 a token", search->alphas,
                   search->losses);
    }
    const ActivationTransform transform{smoothingScale(input.calibration->absMax, weightMax, alpha), {}, {}};
    auto result = roundInBasis(inBasis(transform, input.weight), recipe.scheme, transform,
                               2 * transform.divisor.size(), job.quiet());
    if (!result) return fail(result.error());
    std::vector<double> channel(weightMax.size());
    for (size_t j = 0; j < channel.size(); ++j) channel[j] = static_cast<double>(j);
    const std::vector<float>& s = transform.divisor;
    const std::vector<float>& seen = input.calibration->absMax;
    trace->add("inputs before", "input channel", "max |x_j|", channel, doubles(seen, {}, true));
    trace->add("inputs after", "input channel", "max |x_j / s_j|", channel, doubles(seen, s, true));
    trace->add("weights before", "input channel", "max |w_j|", channel, doubles(weightMax, {}, false));
    trace->add("weights after", "input channel", "max |w_j s_j|", channel, doubles(weightMax, s, false));
    result->trace = std::move(trace);
    return result;
}

}  // namespace quantscope
