// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "kernels/float_gemm.h"
#include "kernels/kernel_table.h"
#include "methods/interface/activation_transform.h"
#include "model/forward/activation_quantizer.h"
#include "model/forward/input_codes.h"
#include "model/forward/stage_times.h"
#include "model/weights/integer_weights.h"

namespace quantscope {

/// What becomes of an input before the product. Layers that share it share the work.
struct LinearInput {
    std::optional<ActivationQuantizer> quantizer;  ///< codes for integer weights, else values
    bool isSigned = false;                         ///< of the codes: see ActivationQuantizer::encode
    std::optional<ActivationTransform> transform;  ///< without a quantizer: the basis of 4-bit codes
};

/// What stands in the place of a linear layer.
struct LinearOperator {
    PackedWeights packed;
    std::shared_ptr<const IntegerWeights> integer;  ///< instead of `packed`
    std::shared_ptr<const LinearInput> input;       ///< null: taken as it is
    Tensor bias;                                    ///< F32 [outputs], added in float; empty: none

    [[nodiscard]] int64_t outputs() const { return integer ? integer->outputs() : packed.outputs(); }
    [[nodiscard]] int64_t inputs() const { return integer ? integer->inputs() : packed.inputs(); }
};

/// Runs linear layers on one input after the other; quantizes an input once for all layers that want it the
/// same way. Keeps its working memory between calls; one thread at a time.
class LinearRunner {
 public:
    LinearRunner(const KernelTable& kernels, StageTimes& times)
        : m_kernels(kernels), m_gemm(kernels), m_times(times) {}

    /// The input [tokens x in] of the products that follow; stays valid until the next one.
    void setInput(const MatrixView& x);
    /// y [tokens x outputs], consecutive = the layer's output, bias included.
    Status multiply(const LinearOperator& layer, float* y);
    /// y += the layer's output, of a layer without a bias (asserted).
    Status multiplyOnto(const LinearOperator& layer, float* y);
    /// A float layer's output, tile by tile, of a layer without a bias (asserted).
    Status multiply(const LinearOperator& layer, const TileSink& sink);

 private:
    Result<MatrixView> values(const LinearOperator& layer);
    Result<const InputCodes*> codes(const LinearOperator& layer);
    Status integerProduct(const LinearOperator& layer, float* y, bool accumulate);
    Status product(const LinearOperator& layer, float* y);
    void addBias(const LinearOperator& layer, float* y);
    Status addOutliers(const IntegerWeights& weights, const InputCodes& x, float* y);

    const KernelTable& m_kernels;
    FloatGemm m_gemm;
    StageTimes& m_times;
    MatrixView m_input;
    std::shared_ptr<const LinearInput> m_valuesOf;  ///< what m_values were made for
    std::shared_ptr<const LinearInput> m_codesOf;
    std::vector<float> m_values;
    InputCodes m_codes;
    std::vector<float> m_product;
};

}  // namespace quantscope
