// SPDX-License-Identifier: Apache-2.0
#include "quant/scheme/scheme_presets.h"

namespace quantscope {
namespace {

Scheme symmetricInt(int bits, SymmetricRange range, Granularity granularity) {
    Scheme scheme;
    scheme.bits = bits;
    scheme.symmetricRange = range;
    scheme.granularity = granularity;
    return scheme;
}

Scheme affineUnsigned(int bits, Granularity granularity) {
    Scheme scheme;
    scheme.bits = bits;
    scheme.isSigned = false;
    scheme.mapping = Mapping::Affine;
    scheme.granularity = granularity;
    return scheme;
}

Scheme inverse(Scheme scheme) {
    scheme.multiplyByInverse = true;
    return scheme;
}

Scheme percentile(Scheme scheme, double low, double high) {
    scheme.estimator = RangeEstimator::Percentile;
    scheme.percentileLow = low;
    scheme.percentileHigh = high;
    return scheme;
}

Scheme withoutZero(Scheme scheme) {
    scheme.rangeIncludesZero = false;
    return scheme;
}

Scheme unsignedCodes(Scheme scheme) {
    scheme.isSigned = false;
    return scheme;
}

/// What the five GGUF formats share: 32 inputs a block, F16 scale, codes from the unrounded inverse.
Scheme ggufBlock(Scheme scheme, Rounding rounding) {
    scheme.granularity = Granularity::Group;
    scheme.groupSize = 32;
    scheme.scaleFormat = ScaleFormat::F16;
    scheme.encodeUnrounded = true;
    scheme.multiplyByInverse = true;
    scheme.rounding = rounding;
    return scheme;
}

Scheme ggufSigned(int bits) {
    Scheme scheme = unsignedCodes(symmetricInt(bits, SymmetricRange::SignedExtreme, Granularity::Group));
    scheme.zeroPointInside = true;
    return ggufBlock(scheme, Rounding::HalfUp);
}

Scheme ggufMinimum(int bits) {
    Scheme scheme = withoutZero(affineUnsigned(bits, Granularity::Group));
    scheme.zeroPointDomain = ZeroPointDomain::Minimum;
    return ggufBlock(scheme, Rounding::HalfUp);
}

std::vector<SchemePreset> makePresets() {
    using G = Granularity;
    using R = SymmetricRange;
    const char* gguf = " Source: ggml quantize_row_*_ref, bit-exact.";
    return {
        {"absmax", "absmax / (2^(b-1) - 1)",
         "S = absmax / 127 for 8 bits, zero is code 0 (lecture 000; LLM.int8(), Dettmers et al. 2022).",
         symmetricInt(8, R::Narrow, G::OutputChannel)},
        {"gamma", "absmax / 2^(b-1)",
         "gamma = 2^(b-1) / absmax of lecture 001; the largest positive value saturates.",
         symmetricInt(8, R::PowerOfTwo, G::Tensor)},
        {"percentile-10-90", "Unsigned, 10th to 90th percentile",
         "Codes 0 .. 2^b - 1, r_min and r_max at the 10th and 90th percentile (lecture 004).",
         percentile(affineUnsigned(8, G::Tensor), 10, 90)},
        {"torch", "PyTorch affine",
         "MinMaxObserver (quint8) and fake_quantize_per_tensor_affine: range with 0, Z = qmin - round(min / "
         "S), "
         "q = round(r * (1/S)) + Z, ties to even.",
         inverse(affineUnsigned(8, G::Tensor))},
        {"torch-symmetric", "PyTorch / torchao symmetric",
         "S = absmax / ((2^b - 1) / 2), q = round(r * (1/S)) (torchao MappingType.SYMMETRIC, PyTorch qint8 "
         "observers); +absmax clips.",
         inverse(symmetricInt(8, R::Full, G::OutputChannel))},
        {"torchao-no-clip", "torchao symmetric, no clipping",
         "S = max(min / -2^(b-1), max / (2^(b-1) - 1)) (MappingType.SYMMETRIC_NO_CLIPPING_ERR).",
         inverse(symmetricInt(8, R::NoClip, G::OutputChannel))},
        {"gptq", "GPTQ symmetric",
         "S = 2 absmax / (2^b - 1), zero = 2^(b-1): codes 0 .. 2^b - 1, +absmax clips (Quantizer.find_params "
         "with sym=True; rows without a negative value, which it scales otherwise, excepted).",
         unsignedCodes(symmetricInt(4, R::Full, G::Group))},
        {"gptq-affine", "GPTQ affine",
         "S = (max - min) / (2^b - 1) with 0 in the range, zero = round(-min / S) (sym=False).",
         affineUnsigned(4, G::Group)},
        {"awq", "AWQ affine",
         "S = (max - min) / (2^b - 1), the range need not contain 0, zero = clamp(-round(min / S)) "
         "(pseudo_quantize_tensor, zero_point=True).",
         withoutZero(affineUnsigned(4, G::Group))},
        {"awq-symmetric", "AWQ symmetric", "S = absmax / (2^(b-1) - 1) (zero_point=False).",
         symmetricInt(4, R::Narrow, G::Group)},
        {"q8_0", "GGUF Q8_0", std::string("S = absmax / 127 as F16, ties away from zero.") + gguf,
         ggufBlock(symmetricInt(8, R::Narrow, G::Group), Rounding::HalfAway)},
        {"q4_0", "GGUF Q4_0", std::string("S = extreme / -8 as F16, q = floor(r / S + 8.5).") + gguf,
         ggufSigned(4)},
        {"q4_1", "GGUF Q4_1",
         std::string("S = (max - min) / 15 and m = min as F16, q = floor((r - m) / S + 0.5).") + gguf,
         ggufMinimum(4)},
        {"q5_0", "GGUF Q5_0", std::string("S = extreme / -16 as F16, q = floor(r / S + 16.5).") + gguf,
         ggufSigned(5)},
        {"q5_1", "GGUF Q5_1",
         std::string("S = (max - min) / 31 and m = min as F16, q = floor((r - m) / S + 0.5).") + gguf,
         ggufMinimum(5)}};
}

bool fixesShape(const SchemePreset& preset) {
    return preset.scheme.encodeUnrounded;
}

}  // namespace

const std::vector<SchemePreset>& schemePresets() {
    static const std::vector<SchemePreset> presets = makePresets();
    return presets;
}

const SchemePreset* findSchemePreset(std::string_view name) {
    for (const SchemePreset& preset : schemePresets())
        if (preset.name == name) return &preset;
    return nullptr;
}

Scheme withPreset(const Scheme& scheme, const SchemePreset& preset) {
    Scheme result = preset.scheme;
    if (!fixesShape(preset)) {
        if (!scheme.isFloat()) {
            result.bits = scheme.bits;
            result.granularity = scheme.granularity;
            result.groupSize = scheme.groupSize;
            result.blockRows = scheme.blockRows;
            result.blockCols = scheme.blockCols;
        }
        // A convention that is about percentiles brings its own.
        if (preset.scheme.estimator == RangeEstimator::MinMax) result.estimator = scheme.estimator;
    }
    if (preset.scheme.estimator == RangeEstimator::MinMax) {
        result.percentileLow = scheme.percentileLow;
        result.percentileHigh = scheme.percentileHigh;
    }
    result.momentum = scheme.momentum;
    result.manualLow = scheme.manualLow;
    result.manualHigh = scheme.manualHigh;
    result.seed = scheme.seed;
    return result;
}

const SchemePreset* presetFollowedBy(const Scheme& scheme) {
    if (scheme.isFloat()) return nullptr;
    for (const SchemePreset& preset : schemePresets())
        if (withPreset(scheme, preset) == scheme) return &preset;
    return nullptr;
}

}  // namespace quantscope
