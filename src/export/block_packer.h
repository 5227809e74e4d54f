// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/job.h"
#include "export/export_layouts.h"
#include "export/folded_block.h"
#include "methods/interface/method.h"
#include "model/evaluation/variant_plan.h"
#include "model/model.h"
#include "model/weights/layer_quantizer.h"

namespace quantscope {

/// Quantizes the linear layers of one block after another as a plan says and packs them as a layout says.
/// Gathers what the file will hold beside the tensors that stay as they are.
class BlockPacker {
 public:
    BlockPacker(const Model& model, const VariantPlan& plan, const ExportLayout& layout,
                LayerQuantizer& quantizer)
        : m_model(model), m_plan(plan), m_layout(layout), m_quantizer(quantizer) {}

    /// Blocks in running order. Errors name the layer.
    Status add(int64_t block, const Job& job);

    /// By name: packed parts, and floats that took a factor of a neighbour (norms, rows, biases).
    [[nodiscard]] const std::vector<OutputTensor>& tensors() const { return m_tensors; }
    /// Names in the source whose place those take.
    [[nodiscard]] const std::map<std::string, bool, std::less<>>& replaced() const { return m_replaced; }
    [[nodiscard]] const PackedModules& modules() const { return m_modules; }
    [[nodiscard]] const std::vector<std::string>& notes() const { return m_notes; }

 private:
    using BlockResults = std::vector<QuantizedLayerPtr>;  ///< by layer; null: stays in float
    Result<BlockResults> quantizeBlock(int64_t block, const Job& job);
    Status packLayer(size_t index, const LayerResult& result, std::span<const float> rowDivisor);
    Status keepFloat(const LinearInfo& layer, std::span<const float> columns, std::span<const float> rows);
    Status divideBias(const LinearInfo& layer, const std::vector<float>& divisor);
    Status divideVector(const std::string& canonical, const std::vector<float>& divisor);
    Status addFloats(const std::string& tensorName, const Shape& shape, std::vector<float> values,
                     DType like);
    void note(const std::string& text);

    const Model& m_model;
    const VariantPlan& m_plan;
    const ExportLayout& m_layout;
    LayerQuantizer& m_quantizer;
    std::vector<OutputTensor> m_tensors;
    std::map<std::string, bool, std::less<>> m_replaced;
    PackedModules m_modules;
    std::vector<std::string> m_notes;
};

}  // namespace quantscope
