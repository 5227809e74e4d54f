// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "methods/interface/activation_transform.h"
#include "methods/interface/trace.h"
#include "quant/quantized_tensor.h"
#include "tensor/tensor.h"

namespace quantscope {

/// What a method returns for one linear layer.
struct LayerResult {
    /// Codes on a uniform integer grid, in the transform's basis. Empty for methods with another storage
    /// (codebooks, sparse weights, super-blocks): those give `values`.
    std::optional<QuantizedTensor> weight;
    /// F32 [out x in], in the layer's own basis: Y = X values^T. Set wherever `weight` is empty or the
    /// transform changes the basis.
    std::optional<Tensor> values;
    /// The stored form of a method that packs GGUF blocks, beside its values.
    std::optional<Tensor> blocks;
    std::optional<ActivationTransform> transform;
    uint64_t bytes = 0;  ///< stored: codes, scales, codebooks, indices, masks
    /// Fallbacks and what was unusual about the data: "12 dead input channels", "damping raised to 0.05".
    std::vector<std::string> notes;
    std::shared_ptr<const Trace> trace;

    /// `values`, or the codes dequantized.
    [[nodiscard]] Tensor floats() const;
    [[nodiscard]] double bitsPerWeight() const;
};

/// A result that is its codes: bytes from the codes, plus what a transform stores beside them.
LayerResult codedResult(QuantizedTensor weight);

}  // namespace quantscope
