// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "kernels/cuda/host_device.h"
#include "kernels/integer_kernels.h"

namespace quantscope::cuda {

/// An int8 product on a device. Rows of X and W start at multiples of 16 bytes; what lies between a row's
/// last code and the next multiple of 4 may be read and does not count.
struct Int8Problem {
    const uint8_t* x = nullptr;  ///< s8 or u8 as bits, [rows x depth]
    int64_t xPitch = 0;          ///< bytes from row to row
    const int8_t* w = nullptr;   ///< [columns x depth]
    int64_t wPitch = 0;
    int rows = 0;  ///< at most kMostRows, like the columns
    int columns = 0;
    int depth = 0;
    Int8Output output;  ///< of the whole product; an even stride
};

/// acc less the zero points' terms, modulo 2^32; see Int8Output.
QUANTSCOPE_HOST_DEVICE inline int32_t correctedSum(const Int8Output& out, int i, int j, int32_t acc) {
    const int32_t rowZero = out.rowZeros != nullptr ? out.rowZeros[i] : out.rowZero;
    auto sum = static_cast<uint32_t>(acc);
    if (rowZero != 0) sum -= static_cast<uint32_t>(rowZero) * static_cast<uint32_t>(out.columnSums[j]);
    if (out.columnZeros != nullptr) {
        sum -= static_cast<uint32_t>(out.columnZeros[j]) * static_cast<uint32_t>(out.rowTerms[i]);
    }
    return static_cast<int32_t>(sum);
}

/// fma(float(sum) columnScale, rowScale, bias) (+ `old`); compiled without contraction of its own.
QUANTSCOPE_HOST_DEVICE inline float dequantizedSum(const Int8Output& out, int i, int j, int32_t sum,
                                                   float old) {
    const float bias = out.bias != nullptr ? out.bias[j] : 0.0F;
    const float value = fmaf(static_cast<float>(sum) * out.columnScales[j], out.rowScales[i], bias);
    return out.accumulate ? old + value : value;
}

/// Writes one sum of the product where it belongs, if it exists.
QUANTSCOPE_HOST_DEVICE inline void writeSum(const Int8Problem& problem, int i, int j, int32_t acc) {
    if (i >= problem.rows || j >= problem.columns) return;
    const Int8Output& out = problem.output;
    const int32_t sum = correctedSum(out, i, j, acc);
    if (out.floats == nullptr) {
        out.sums[int64_t{i} * out.stride + j] = sum;
    } else {
        float& y = out.floats[int64_t{i} * out.stride + j];
        y = dequantizedSum(out, i, j, sum, out.accumulate ? y : 0.0F);
    }
}

/// Two neighbours of 32 bits, written at once.
struct alignas(8) Pair {
    uint32_t first;
    uint32_t second;
};

/// Two sums of neighbouring columns, the first of them even.
QUANTSCOPE_HOST_DEVICE inline void writePair(const Int8Problem& problem, int i, int j, int32_t first,
                                             int32_t second) {
    const Int8Output& out = problem.output;
    if (out.floats != nullptr || i >= problem.rows || j + 1 >= problem.columns) {
        writeSum(problem, i, j, first);
        writeSum(problem, i, j + 1, second);
        return;
    }
    *reinterpret_cast<Pair*>(out.sums + int64_t{i} * out.stride + j) = {
        static_cast<uint32_t>(correctedSum(out, i, j, first)),
        static_cast<uint32_t>(correctedSum(out, i, j + 1, second))};
}

}  // namespace quantscope::cuda
