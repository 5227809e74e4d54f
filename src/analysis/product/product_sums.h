// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/product/product.h"
#include "base/job.h"
#include "base/result.h"
#include "kernels/integer_gemm.h"

namespace quantscope {

/// The codes of a side as the kernels read them: one byte each, s8 or u8.
struct ByteCodes {
    std::vector<uint8_t> data;
    bool isSigned = true;
    int64_t rows = 0;
    int64_t depth = 0;

    /// Inputs [begin, end) of every row; the codes must outlive it.
    [[nodiscard]] CodeView view(int64_t begin, int64_t end) const;
};
ByteCodes byteCodes(const ProductOperand& side);

/// Inputs [begin, end) of a weight in the kernels' order; unsigned codes b as b - 128.
Result<PackedInt8Weights> packCodes(const ByteCodes& w, int64_t begin, int64_t end);

/// sum_k a b over [begin, end), all rows and channels; exact while (end - begin) <= safeDepth. Parallel.
/// Errors: Cancelled; as PackedInt8Weights::pack.
Result<std::vector<int32_t>> codeSums(const ProductOperand& x, const ProductOperand& w, int64_t begin,
                                      int64_t end, const KernelTable& kernels, const Job& job);

/// sum_k of the codes of each row over [begin, end).
std::vector<int32_t> rowSums(const ProductOperand& side, int64_t begin, int64_t end);

/// The exact product in double, rounded to float. Parallel. Errors: Cancelled.
Result<std::vector<float>> exactProduct(const MatrixView& x, const MatrixView& w, const Job& job);

}  // namespace quantscope
