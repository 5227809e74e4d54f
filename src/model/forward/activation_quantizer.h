// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "base/result.h"
#include "kernels/kernel_table.h"
#include "methods/interface/activation_transform.h"
#include "methods/interface/variant.h"
#include "model/forward/input_codes.h"
#include "quant/passes/quantize_params.h"
#include "tensor/tensor.h"

namespace quantscope {

/// Replaces the input of a linear layer [tokens x in] by its quantized and dequantized form.
class ActivationQuantizer {
 public:
    /// Range from the data at hand. Any granularity; "token" is one range a row.
    static Result<ActivationQuantizer> dynamic(const Scheme& scheme, const KernelTable& kernels);
    /// Input channels with any |x| >= threshold > 0 of the data at hand stay as they are and do not widen the
    /// range of the others (LLM.int8()'s decomposition).
    void keepOutliers(double threshold) { m_outlierThreshold = threshold; }
    /// Quantizes in another basis (SmoothQuant, rotations): r^ = T^-1 Q(T r), so that weights that stand in
    /// the layer's own basis stay as they are.
    void changeBasis(ActivationTransform transform) { m_transform = std::move(transform); }
    /// Range from `sample`, the layer's input over a calibration text. InvalidArgument for granularities that
    /// follow the rows at hand (token, group, block): a static range is per tensor or per input channel.
    static Result<ActivationQuantizer> fromCalibration(const Scheme& scheme, const MatrixView& sample,
                                                       const KernelTable& kernels);

    /// dst [rows x cols] (consecutive) = r^ of src. InvalidArgument for NaN or infinite values.
    Status apply(const MatrixView& src, float* dst) const;
    /// The codes themselves, exactly those of apply(), in the basis of the transform (the weight's codes
    /// stand there, too); outlier channels' codes are the zero point. `isSigned`: s8 codes without zero
    /// points (symmetric schemes), else u8. One scale a row or a tensor, at most 8 bits (integerLayout
    /// checks).
    Status encode(const MatrixView& src, bool isSigned, InputCodes& out) const;

 private:
    ActivationQuantizer(const Scheme& scheme, const KernelTable& kernels)
        : m_scheme(scheme), m_kernels(&kernels) {}

    Status applyInBasis(const MatrixView& src, float* dst) const;
    Status applyToAll(const MatrixView& src, float* dst) const;
    Status encodeRows(const MatrixView& src, InputCodes& out) const;
    Status encodeAnyScheme(const MatrixView& src, InputCodes& out) const;

    Scheme m_scheme;
    double m_outlierThreshold = 0;
    std::optional<ActivationTransform> m_transform;
    const KernelTable* m_kernels;
    std::vector<GroupParams> m_static;  ///< one, or one an input channel; empty = dynamic
};

}  // namespace quantscope
