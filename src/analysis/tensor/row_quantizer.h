// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/tensor/matrix_quantization.h"
#include "kernels/kernel_table.h"
#include "tensor/tensor.h"

namespace quantscope {

/// Codes and values of any part of a row of a variant. Cheap calls; safe to use from several threads. The
/// matrix and the quantization must outlive it.
class RowQuantizer {
 public:
    /// The quantization must not be float (asserted).
    RowQuantizer(const MatrixView& matrix, const MatrixQuantization& quantization,
                 const KernelTable& kernels);

    /// Codes q and values r^ of the elements [col, col + count) of a row.
    void run(int64_t row, int64_t col, int64_t count, int32_t* codes, float* values) const;

 private:
    void runGroups(int64_t row, int64_t col, int64_t count, int64_t groupSize, int32_t* codes,
                   float* values) const;

    MatrixView m_matrix;
    const MatrixQuantization& m_quantization;
    const ElementwiseKernels& m_kernels;
    std::vector<GroupParams> m_stored;
    bool m_encodeDiffers = false;
    QuantizeParams m_params;
};

}  // namespace quantscope
