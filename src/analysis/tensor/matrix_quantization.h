// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "kernels/kernel_table.h"
#include "methods/interface/layer_result.h"
#include "methods/interface/stored_codes.h"
#include "methods/interface/variant.h"
#include "quant/passes/group_layout.h"
#include "quant/passes/quantize_params.h"
#include "quant/quantized_tensor.h"
#include "quant/scheme/scheme.h"
#include "tensor/sample.h"
#include "tensor/tensor.h"

namespace quantscope {

/// A weight that is no uniform grid in the layer's own basis (codebooks, blocks, sparse weights, scaled or
/// rotated channels): its values, and codes where each weight has one.
struct StoredWeight {
    Tensor values;  ///< r^, F32 [out x in]
    std::shared_ptr<const StoredCodes> codes;
    std::string whyNoCodes;  ///< a sentence, when there are none
};

/// How one matrix is quantized, as every analysis pass needs it: scale and zero point of each group, and the
/// codes only where they are not what the scheme's own rounding gives (a method that chooses codes). The
/// float reference has a float scheme and no groups: r^ = r. With `stored` the values are given, the scheme
/// is a float one and there are no groups.
struct MatrixQuantization {
    Scheme scheme = floatScheme();
    GroupLayout layout;
    std::vector<GroupParams> groups;
    std::shared_ptr<const QuantizedTensor> codes;  ///< null: round to nearest (or as the scheme says)
    std::shared_ptr<const StoredWeight> stored;    ///< null for a uniform grid
    double bitsPerWeight = 32;
    uint64_t totalBytes = 0;

    [[nodiscard]] bool isFloat() const { return scheme.isFloat() && !stored; }
    /// Each weight has a code.
    [[nodiscard]] bool hasCodes() const { return stored ? stored->codes != nullptr : !scheme.isFloat(); }
    /// What a weight can become is known, so that its error is clipping or rounding.
    [[nodiscard]] bool hasRange() const { return hasCodes(); }
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

/// Of what any method made of `weight` by `recipe`.
MatrixQuantization quantizationOf(std::shared_ptr<const LayerResult> result, const Tensor& weight,
                                  const Recipe& recipe);

}  // namespace quantscope
