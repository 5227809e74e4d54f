// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "kernels/kernel_table.h"
#include "quant/passes/group_layout.h"
#include "quant/passes/quantize_params.h"
#include "quant/quantized_tensor.h"
#include "quant/scheme/scheme.h"
#include "tensor/sample.h"
#include "tensor/tensor.h"

namespace quantscope {

/// How one matrix is quantized, as every analysis pass needs it: scale and zero point of each group, and the
/// codes only where they are not what the scheme's own rounding gives (a method that chooses codes). The
/// float reference has a float scheme and no groups: r^ = r.
struct MatrixQuantization {
    Scheme scheme = floatScheme();
    GroupLayout layout;
    std::vector<GroupParams> groups;
    std::shared_ptr<const QuantizedTensor> codes;  ///< null: round to nearest (or as the scheme says)
    double bitsPerWeight = 32;
    uint64_t totalBytes = 0;

    [[nodiscard]] bool isFloat() const { return scheme.isFloat(); }
    /// Everything an elementwise pass over (part of) the group needs; firstElement is that of element (row,
    /// col).
    [[nodiscard]] QuantizeParams paramsAt(int64_t row, int64_t col) const;
};

/// What is known of a matrix before its parameters are chosen.
struct KnownMatrix {
    const MatrixExtremes* extremes = nullptr;
    /// The matrix is a sample of the one the extremes are of: they enter the range of a per-tensor scheme, so
    /// that a sample does not lose the outlier that decides it.
    bool isSample = false;
    bool isFinite = false;  ///< no element is NaN or infinite
};

/// Chooses the parameters of every group of `matrix` (quant/chooseGroupParams). Reads nothing where the known
/// extremes decide. Errors: as quant/quantize.
Result<MatrixQuantization> chooseQuantization(const MatrixView& matrix, const Scheme& scheme,
                                              const KernelTable& kernels, const Job& job,
                                              const KnownMatrix& known = {});

/// Of a quantized tensor (any method).
MatrixQuantization quantizationOf(std::shared_ptr<const QuantizedTensor> quantized);

}  // namespace quantscope
