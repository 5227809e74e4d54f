// SPDX-License-Identifier: Apache-2.0
#include "analysis/layers/sizes.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "methods/interface/recipe_needs.h"
#include "methods/interface/variant.h"
#include "quant/quantized_tensor.h"

namespace quantscope {

namespace {

double perParameter(uint64_t bytes, uint64_t parameters) {
    return parameters == 0 ? 0 : 8.0 * static_cast<double>(bytes) / static_cast<double>(parameters);
}

/// As Tensor::rows() and cols(): the last dimension against all others together.
std::pair<int64_t, int64_t> asMatrix(const Shape& shape) {
    if (shape.empty()) return {1, 1};
    const int64_t cols = shape.back();
    return {cols == 0 ? 0 : elementCount(shape) / cols, cols};
}

/// Overrides of a variant name layers ("blk.3.ffn_down"), checkpoints their weights.
std::string_view layerNameOf(std::string_view tensorName) {
    constexpr std::string_view kSuffix = ".weight";
    return tensorName.ends_with(kSuffix) ? tensorName.substr(0, tensorName.size() - kSuffix.size())
                                         : tensorName;
}

TensorSize sizeUnder(const TensorEntry& entry, const Variant& variant, bool quantized) {
    TensorSize size;
    size.name = entry.name;
    size.parameters = static_cast<uint64_t>(elementCount(entry.shape));
    const Recipe& recipe = recipeFor(variant, layerNameOf(entry.name));
    size.quantized = quantized && !recipe.scheme.isFloat();
    if (!size.quantized) {
        size.bytes = entry.bytes;
        size.bitsPerWeight = perParameter(entry.bytes, size.parameters);
        return size;
    }
    const auto [rows, cols] = asMatrix(entry.shape);
    size.bitsPerWeight = recipeBitsPerWeight(recipe, rows, cols);
    size.bytes =
        static_cast<uint64_t>(std::llround(size.bitsPerWeight * static_cast<double>(size.parameters) / 8));
    return size;
}

}  // namespace

std::span<const FormatSize> formatSizes() {
    static const std::array<FormatSize, 10> formats{{
        {"fp64", 64, 1, 11, 52, -1.7976931348623157e308, 1.7976931348623157e308, "double"},
        {"fp32", 32, 1, 8, 23, -3.4028234663852886e38, 3.4028234663852886e38, "single"},
        {"fp16", 16, 1, 5, 10, -65504, 65504, "half"},
        {"bf16", 16, 1, 8, 7, -3.3895313892515355e38, 3.3895313892515355e38, "the upper half of fp32"},
        {"fp8 E4M3", 8, 1, 4, 3, -448, 448, "no infinities (OCP)"},
        {"fp8 E5M2", 8, 1, 5, 2, -57344, 57344, "the upper half of fp16"},
        {"int8", 8, 0, 0, 0, -128, 127, "without scales"},
        {"int4", 4, 0, 0, 0, -8, 7, "without scales"},
        {"fp4 E2M1", 4, 1, 2, 1, -6, 6, "without scales"},
        {"mxfp4", 4.25, 1, 2, 1, -6, 6, "E2M1 with one 8-bit scale for 32 elements"},
    }};
    return formats;
}

uint64_t bytesFor(uint64_t parameters, double bitsPerParameter) {
    return static_cast<uint64_t>(std::ceil(static_cast<double>(parameters) * bitsPerParameter / 8));
}

double ModelSize::bitsPerWeight() const {
    return perParameter(bytes, parameters);
}

double ModelSize::quantizedBitsPerWeight() const {
    return perParameter(quantizedBytes, quantizedParameters);
}

ModelSize modelSize(std::span<const TensorEntry> tensors, const Variant& variant,
                    const std::function<bool(std::string_view)>& isQuantized) {
    ModelSize model;
    for (const TensorEntry& entry : tensors) {
        TensorSize size = sizeUnder(entry, variant, isQuantized(entry.name));
        model.parameters += size.parameters;
        model.bytes += size.bytes;
        if (size.quantized) {
            model.quantizedParameters += size.parameters;
            model.quantizedBytes += size.bytes;
        }
        model.tensors.push_back(std::move(size));
    }
    return model;
}

}  // namespace quantscope
