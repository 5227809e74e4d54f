// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "quant/quantized_tensor.h"
#include "tensor/tensor.h"

namespace quantscope {

/// A weight [out x in] on a uniform grid, in the terms the packed layouts share:
/// w[r, c] = scale[r, g] (code[r, c] - zero[r, g]), g = groupIndex[c] or c / groupSize.
struct UniformWeight {
    int bits = 4;
    int64_t rows = 0;                 ///< out
    int64_t cols = 0;                 ///< in
    int64_t groupSize = 0;            ///< inputs that share a scale; cols for one scale an output channel
    bool symmetric = true;            ///< every zero is 2^(bits-1)
    std::vector<uint8_t> codes;       ///< 0 .. 2^bits - 1
    std::vector<float> scales;        ///< [rows x groups]
    std::vector<int32_t> zeros;       ///< [rows x groups], 0 .. 2^bits - 1
    std::vector<int32_t> groupIndex;  ///< [cols]; empty = running order

    [[nodiscard]] int64_t groups() const { return groupSize == 0 ? 0 : cols / groupSize; }
    [[nodiscard]] bool perChannel() const { return groupSize == cols; }
    [[nodiscard]] int64_t groupOf(int64_t col) const {
        return groupIndex.empty() ? col / groupSize : groupIndex[static_cast<size_t>(col)];
    }
};

/// The same of a quantized tensor whose columns stand in the order `permutation` (column j is input
/// permutation[j]; empty = running order): codes move back to the inputs' order, and the group index
/// remembers where they stood. A single scale for the whole tensor is repeated for every channel.
/// Unsupported: fractional zero points and minima (HQQ, Q4_1), more than 8 bits, groups that do not divide
/// the inputs, other granularities.
Result<UniformWeight> uniformWeight(const QuantizedTensor& quantized,
                                    std::span<const int32_t> permutation = {});

/// [out x in] as floats.
Tensor dequantize(const UniformWeight& weight);

/// Row r of the weight divided by divisor[r] (a scale folded out of the next layer's input): into the scales.
void divideRows(UniformWeight& weight, std::span<const float> divisor);

/// Scales as F16, as GPTQ's and AWQ's readers want them. InvalidArgument if one is too large for F16.
Status roundScalesToF16(UniformWeight& weight);

}  // namespace quantscope
