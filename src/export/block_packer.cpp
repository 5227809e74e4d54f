// SPDX-License-Identifier: Apache-2.0
#include "export/block_packer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/architectures/tensor_names.h"
#include "quant/blocks/block_formats.h"

namespace quantscope {
namespace {

std::string moduleOf(const LinearInfo& layer) {
    return layer.tensorName.substr(0, layer.tensorName.rfind(".weight"));
}

Error forLayer(Error error, const std::string& layer) {
    if (error.field.find(layer) == std::string::npos)
        error.field = error.field.empty() ? layer : fmt::format("{}: {}", layer, error.field);
    return error;
}

/// Largest relative change that F16 makes to the scales.
double changeByF16(const UniformWeight& before, const UniformWeight& after) {
    double largest = 0;
    for (size_t i = 0; i < before.scales.size(); ++i)
        if (before.scales[i] != 0)
            largest = std::max(
                largest,
                std::abs(static_cast<double>(after.scales[i]) / static_cast<double>(before.scales[i]) - 1));
    return largest;
}

}  // namespace

Result<BlockPacker::BlockResults> BlockPacker::quantizeBlock(int64_t block, const Job& job) {
    const auto layers = m_model.blockLinears(block);
    const size_t first = m_model.linearsUntil(block - 1);
    BlockResults results(layers.size());
    for (size_t i = 0; i < layers.size(); ++i) {
        if (!job.proceed(static_cast<double>(i) / static_cast<double>(layers.size()), layers[i].name))
            return fail(ErrorKind::Cancelled, "stopped");
        if (m_plan.layers[first + i].scheme.isFloat()) continue;
        auto made = m_quantizer.quantize(m_plan, layers[i], job.quiet());
        if (!made) return fail(made.error());
        results[i] = std::move(*made);
    }
    return results;
}

Status BlockPacker::add(int64_t block, const Job& job) {
    auto results = quantizeBlock(block, job);
    if (!results) return fail(results.error());
    const auto layers = m_model.blockLinears(block);
    std::vector<FoldedLayer> made(layers.size());
    for (size_t i = 0; i < layers.size(); ++i) {
        made[i].inFloat = !(*results)[i];
        if (!made[i].inFloat) made[i].transform = (*results)[i]->result.transform;
    }
    const auto fold = foldTransforms(layers, m_model.inputPoints(block), m_model.config(), made);
    if (!fold) return fail(fold.error());
    for (size_t i = 0; i < layers.size(); ++i) {
        const size_t index = m_model.linearsUntil(block - 1) + i;
        const Status done = made[i].inFloat ? keepFloat(layers[i], fold->inputs[i], fold->rows[i])
                                            : packLayer(index, (*results)[i]->result, fold->rows[i]);
        if (!done) return fail(forLayer(done.error(), layers[i].name));
        if (Status moved = divideBias(layers[i], fold->rows[i]); !moved)
            return fail(forLayer(moved.error(), layers[i].name));
    }
    for (const auto& [norm, divisor] : fold->norms)
        if (Status done = divideVector(blockWeightName(block, norm), divisor); !done) return done;
    return {};
}

Status BlockPacker::packLayer(size_t index, const LayerResult& result, std::span<const float> rowDivisor) {
    const LinearInfo& layer = m_model.linears()[index];
    ExportLayer packing{layer.name, moduleOf(layer), m_plan.layers[index], m_plan.inputs[index], {}, {}};
    if (result.weight) {
        const std::vector<int32_t> none;
        auto uniform = uniformWeight(*result.weight, result.transform ? result.transform->permutation : none);
        if (!uniform) return fail(uniform.error());
        packing.uniform = std::move(*uniform);
        if (!rowDivisor.empty()) divideRows(*packing.uniform, rowDivisor);
        if (m_layout.halfScales) {
            const UniformWeight before = *packing.uniform;
            if (Status done = roundScalesToF16(*packing.uniform); !done) return done;
            if (changeByF16(before, *packing.uniform) > 0)
                note(
                    fmt::format("{} stores scales as F16: they change by up to 0.05 %, the codes stay "
                                "(a scheme with f16 scales keeps both)",
                                m_layout.label));
        }
    } else {
        if (!rowDivisor.empty())
            return fail(ErrorKind::Unsupported, "the next layer's scaling cannot go into this storage",
                        layer.name, "Give both layers a method with integer codes");
        auto weight = m_model.linearWeight(layer.name);
        if (!weight) return fail(weight.error());
        packing.weight = std::move(*weight);
    }
    auto packed = m_layout.pack(packing);
    if (!packed) return fail(packed.error());
    for (OutputTensor& tensor : packed->tensors) m_tensors.push_back(std::move(tensor));
    for (const std::string& text : packed->notes) note(text);
    for (const std::string& text : result.notes) note(fmt::format("{}: {}", layer.name, text));
    m_replaced[layer.tensorName] = true;
    auto& groups = m_modules.groups;
    auto group = std::ranges::find(groups, packed->settings, [](const auto& entry) { return entry.first; });
    if (group == groups.end()) group = groups.insert(group, {packed->settings, {}});
    group->second.push_back(packing.module);
    return {};
}

Status BlockPacker::keepFloat(const LinearInfo& layer, std::span<const float> columns,
                              std::span<const float> rows) {
    m_modules.floatModules.push_back(moduleOf(layer));
    if (columns.empty() && rows.empty()) return {};
    const auto weight = m_model.linearWeight(layer.name);
    if (!weight) return fail(weight.error());
    std::vector<float> values(weight->floats().begin(), weight->floats().end());
    for (size_t i = 0; i < values.size(); ++i) {
        const size_t row = i / static_cast<size_t>(layer.inFeatures);
        const size_t col = i % static_cast<size_t>(layer.inFeatures);
        if (!columns.empty()) values[i] *= columns[col];
        if (!rows.empty()) values[i] /= rows[row];
    }
    return addFloats(layer.tensorName, weight->shape(), std::move(values), layer.dtype);
}

/// Rows of a weight that were divided take their bias with them.
Status BlockPacker::divideBias(const LinearInfo& layer, const std::vector<float>& divisor) {
    return layer.biasName.empty() ? Status() : divideVector(biasNameOf(layer), divisor);
}

Status BlockPacker::divideVector(const std::string& canonical, const std::vector<float>& divisor) {
    if (divisor.empty()) return {};
    const auto vector = m_model.weight(canonical);
    if (!vector) return fail(vector.error());
    const auto stored = m_model.storedWeight(canonical);
    if (!stored) return fail(stored.error());
    std::vector<float> values(vector->floats().begin(), vector->floats().end());
    for (size_t i = 0; i < values.size(); ++i) values[i] /= divisor[i];
    return addFloats(fileTensorName(m_model.architecture(), canonical, NameStyle::HuggingFace),
                     vector->shape(), std::move(values), stored->dtype());
}

Status BlockPacker::addFloats(const std::string& tensorName, const Shape& shape, std::vector<float> values,
                              DType like) {
    const bool small = like == DType::F16 || like == DType::BF16 || like == DType::F32;
    const auto stored = encodeBlocks(Tensor::fromFloats(shape, std::move(values)), small ? like : DType::F32);
    if (!stored) return fail(stored.error());
    m_tensors.push_back(outputTensor(tensorName, *stored));
    m_replaced[tensorName] = true;
    return {};
}

void BlockPacker::note(const std::string& text) {
    if (std::ranges::find(m_notes, text) == m_notes.end()) m_notes.push_back(text);
}

}  // namespace quantscope
