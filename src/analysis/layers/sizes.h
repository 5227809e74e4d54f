// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes_text.h"
#include "io/checkpoint.h"
#include "methods/interface/variant.h"
#include "tensor/dtype.h"

namespace quantscope {

/// A number format as the size table shows it (worked-examples.md 11).
struct FormatSize {
    std::string name;  ///< "fp8 E4M3"
    double bitsPerParameter = 0;
    int signBits = 0;  ///< 0/0/0 for integers and block formats
    int exponentBits = 0;
    int mantissaBits = 0;
    double lowest = 0;  ///< most negative representable value
    double highest = 0;
    std::string note;
    [[nodiscard]] double bytesPerParameter() const { return bitsPerParameter / 8; }
};

/// fp64, fp32, fp16, bf16, fp8 E4M3, fp8 E5M2, int8, int4, fp4 E2M1, mxfp4 (with its scales: 4.25 bits).
std::span<const FormatSize> formatSizes();

/// Bytes of `parameters` parameters, rounded up.
uint64_t bytesFor(uint64_t parameters, double bitsPerParameter);

/// One tensor under one variant.
struct TensorSize {
    std::string name;
    uint64_t parameters = 0;
    double bitsPerWeight = 0;
    uint64_t bytes = 0;
    bool quantized = false;
};

/// Whole model under one variant: weights with scales, zero points and padding.
struct ModelSize {
    std::vector<TensorSize> tensors;  ///< in the checkpoint's order
    uint64_t parameters = 0;
    uint64_t bytes = 0;
    uint64_t quantizedParameters = 0;
    uint64_t quantizedBytes = 0;
    [[nodiscard]] double bitsPerWeight() const;           ///< whole model
    [[nodiscard]] double quantizedBitsPerWeight() const;  ///< of what the variant quantizes
};

/// Tensors for which `isQuantized(name)` holds get the variant's recipe, all others keep their dtype's size.
ModelSize modelSize(std::span<const TensorEntry> tensors, const Variant& variant,
                    const std::function<bool(std::string_view)>& isQuantized);

}  // namespace quantscope
