// SPDX-License-Identifier: Apache-2.0
#include "methods/parts/minifloat_codes.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/parallel_for.h"
#include "methods/interface/options.h"
#include "methods/parts/input_runs.h"
#include "tensor/float_bits.h"

namespace quantscope {
namespace {

/// scaleOf(absmax) gives the byte that stores the scale and the factor that elements are multiplied by (with
/// `divide`: divided by) before they are rounded.
template <class ScaleOf>
Fp4Codes encodeFp4(const MatrixView& w, int64_t block, bool divide, const ScaleOf& scaleOf) {
    Fp4Codes result;
    result.block = block;
    const int64_t runs = runsIn(w.cols, block);
    result.codes.resize(static_cast<size_t>(w.size()));
    result.scales.resize(static_cast<size_t>(w.rows * runs));
    parallelFor(w.rows, 16, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r)
            for (int64_t run = 0; run < runs; ++run) {
                const float* from = w.row(r) + run * block;
                const int64_t count = std::min(block, w.cols - run * block);
                const auto [byte, factor] = scaleOf(absMax(from, count));
                result.scales[static_cast<size_t>(r * runs + run)] = byte;
                for (int64_t i = 0; i < count; ++i)
                    result.codes[static_cast<size_t>(r * w.cols + run * block + i)] =
                        e2m1FromFloat(divide ? from[i] / factor : from[i] * factor);
            }
    });
    return result;
}

struct ByteAndFactor {
    uint8_t byte;
    float factor;
};

}  // namespace

Minifloat minifloatNamed(const std::string& name) {
    if (name == "e5m2") return kE5M2;
    if (name == "e2m3") return kE2M3;
    if (name == "e3m2") return kE3M2;
    return kE4M3;
}

ParameterInfo elementChoice(std::string first, std::string second) {
    return choiceParameter("element", "Element", "the small float's fields",
                           {{first, first, ""}, {second, second, ""}}, first);
}

float fp8Scale(float absmax, const Minifloat& element) {
    return absmax > 0 ? absmax / element.largest : 1.0F;
}

float nvfp4TensorScale(float absmax) {
    return absmax > 0 ? absmax / (kE4M3.largest * kE2M1.largest) : 1.0F;
}

float nvfp4BlockScale(float absmax, float tensorScale) {
    constexpr float kSmallestScale = 0.015625F;  // E4M3's smallest normal number: the peer's lower limit
    return kE4M3.round(std::clamp(absmax / kE2M1.largest / tensorScale, kSmallestScale, kE4M3.largest));
}

ExponentRule exponentRule(const std::string& name) {
    if (name == "even") return ExponentRule::Even;
    return name == "ceil" ? ExponentRule::Ceil : ExponentRule::Floor;
}

int sharedExponent(float absmax, const Minifloat& element, ExponentRule rule) {
    uint32_t bits = bitsOf(absmax);
    if (rule == ExponentRule::Even) bits = (bits + (1U << (23 - element.mantissaBits - 1))) & 0xFF800000U;
    int exponent = static_cast<int>((bits >> 23) & 0xFF) - 127;
    if (rule == ExponentRule::Ceil && (bits & 0x7FFFFFU) != 0) ++exponent;
    return std::clamp(exponent - element.largestExponent(), -127, 128);
}

float sharedScale(int exponent) {
    return std::max(std::ldexp(1.0F, exponent), std::numeric_limits<float>::min());
}

Fp8Codes encodeFp8(const Tensor& weight, const Recipe& recipe) {
    const MethodOptions options(recipe);
    const Minifloat element = minifloatNamed(options.text("element"));
    const std::string& scale = options.text("scale");
    const MatrixView w = weight.matrix();
    Fp8Codes result;
    result.e5m2 = options.text("element") == "e5m2";
    result.blockRows = scale == "tensor" ? w.rows : (scale == "channel" ? 1 : 128);
    result.blockCols = scale == "block" ? 128 : w.cols;
    result.codes.resize(static_cast<size_t>(w.size()));
    const int64_t across = runsIn(w.cols, result.blockCols);
    const int64_t down = runsIn(w.rows, result.blockRows);
    result.scales.resize(static_cast<size_t>(down * across));
    parallelFor(down * across, 1, [&](int64_t begin, int64_t end) {
        for (int64_t block = begin; block < end; ++block) {
            const int64_t row = block / across * result.blockRows;
            const int64_t col = block % across * result.blockCols;
            const int64_t lastRow = std::min(w.rows, row + result.blockRows);
            const int64_t count = std::min(result.blockCols, w.cols - col);
            float largest = 0;
            for (int64_t r = row; r < lastRow; ++r)
                largest = std::max(largest, absMax(w.row(r) + col, count));
            const float s = fp8Scale(largest, element);
            result.scales[static_cast<size_t>(block)] = s;
            for (int64_t r = row; r < lastRow; ++r)
                for (int64_t c = col; c < col + count; ++c) {
                    const float value = element.round(w.at(r, c) / s);
                    result.codes[static_cast<size_t>(r * w.cols + c)] =
                        result.e5m2 ? e5m2FromFloat(value) : e4m3FromFloat(value);
                }
        }
    });
    return result;
}

Fp4Codes encodeNvfp4(const Tensor& weight) {
    const float tensorScale = nvfp4TensorScale(absMax(weight.matrix()));
    Fp4Codes result = encodeFp4(weight.matrix(), kNvBlock, false, [&](float absmax) {
        const float s = nvfp4BlockScale(absmax, tensorScale);
        return ByteAndFactor{e4m3FromFloat(s), (1.0F / tensorScale) / s};
    });
    result.tensorScale = tensorScale;
    return result;
}

Fp4Codes encodeMxfp4(const Tensor& weight, const Recipe& recipe) {
    const ExponentRule rule = exponentRule(MethodOptions(recipe).text("exponent"));
    return encodeFp4(weight.matrix(), kMxBlock, true, [&](float absmax) {
        const int exponent = sharedExponent(absmax, kE2M1, rule);
        return ByteAndFactor{static_cast<uint8_t>(std::clamp(exponent + 127, 0, 254)), sharedScale(exponent)};
    });
}

}  // namespace quantscope
