// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "export/uniform_weight.h"
#include "io/output_tensor.h"
#include "methods/interface/variant.h"
#include "tensor/tensor.h"

namespace quantscope {

/// A quantized linear layer on its way into a layout.
struct ExportLayer {
    std::string name;    ///< "blk.0.attn_q"
    std::string module;  ///< "model.layers.0.self_attn.q_proj"; its tensors are named MODULE.weight, ...
    Recipe recipe;
    std::optional<ActivationRecipe> inputs;
    Tensor weight;                         ///< F32 [out x in], what was quantized
    std::optional<UniformWeight> uniform;  ///< codes, from methods that leave a uniform grid
};

/// What a layout makes of it.
struct PackedLayer {
    std::vector<OutputTensor> tensors;
    std::string settings;  ///< JSON: the layer's part of the configuration; equal settings form a group
    std::vector<std::string> notes;  ///< what the layout could not keep exactly
};

/// Which modules have which settings, and which stayed in float; in the model's order.
struct PackedModules {
    std::vector<std::pair<std::string, std::vector<std::string>>> groups;  ///< settings, modules
    std::vector<std::string> floatModules;
};

// What the layouts share.

/// A tensor of the module: "MODULE.suffix".
OutputTensor part(const ExportLayer& layer, const std::string& suffix, const Tensor& tensor);
Tensor wordTensor(Shape shape, std::span<const uint32_t> words);  ///< I32
Tensor byteTensor(DType dtype, Shape shape, std::span<const uint8_t> bytes);
Tensor halfTensor(Shape shape, std::span<const float> values);  ///< F16
/// [rows x cols] to [cols x rows].
std::vector<float> transposedFloats(std::span<const float> values, int64_t rows, int64_t cols);

/// Unsupported with the layout's name: the error every layout gives for what it cannot express.
tl::unexpected<Error> cannotHold(std::string_view layout, const ExportLayer& layer, std::string what,
                                 std::string fix);
/// The layer's codes, or that error for methods without a uniform grid.
Result<UniformWeight> uniformCodes(std::string_view layout, const ExportLayer& layer);
/// That error if the inputs are quantized.
Status weightsOnly(std::string_view layout, const ExportLayer& layer);
/// The only settings there are; InvalidArgument where layers differ.
Result<std::string> onlySettings(std::string_view layout, const PackedModules& modules);

}  // namespace quantscope
