// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "kernels/kernel_table.h"
#include "methods/interface/variant.h"
#include "model/calibration/calibration_source.h"
#include "model/model.h"
#include "quant/passes/error_split.h"

namespace quantscope {

class LayerQuantizer;

/// What a variant does to one linear layer. Every error is a relative Frobenius norm: ||A^ - A|| / ||A||,
/// 0 when both are zero.
struct LayerError {
    std::string layer;
    int64_t block = 0;
    double weightError = 0;  ///< W^ against W
    double localError =
        0;  ///< X W^^T against X W^T, X the float model's input (quantized if the variant does)
    double accumulatedError = 0;  ///< the quantized run's output against the float run's
    double inputError =
        0;  ///< the quantized run's input against the float run's: what arrives already broken
    double bitsPerWeight = 0;
    int64_t parameters = 0;
    uint64_t bytes = 0;  ///< of the quantized weight
    ErrorSplit weight;   ///< W^ against W; every error counts as rounding
};

/// All linear layers of the blocks, in running order, in one lock-step pass. The quantizer makes the layers,
/// or has them already; errors of weights and of outputs are those of the same quantized layer. Its ranges of
/// static activations come from the first window from now on.
Result<std::vector<LayerError>> measureLayerErrors(LayerQuantizer& quantizer, std::span<const int32_t> tokens,
                                                   const Variant& variant, int64_t window, const Job& job);
/// The same with a quantizer of its own. `calibration`: for methods that need to know the layers' inputs;
/// null = such variants fail.
Result<std::vector<LayerError>> measureLayerErrors(
    const Model& model, std::span<const int32_t> tokens, const Variant& variant, int64_t window,
    const KernelTable& kernels, const Job& job,
    const std::shared_ptr<CalibrationSource>& calibration = nullptr);

}  // namespace quantscope
