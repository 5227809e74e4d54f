// SPDX-License-Identifier: Apache-2.0
#include "export/gguf_export.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "export/export_quantizer.h"
#include "export/rotary_rows.h"
#include "io/gguf_writer.h"
#include "methods/interface/input_order.h"
#include "methods/interface/recipe_needs.h"
#include "methods/parts/gguf_types.h"
#include "model/architectures/tensor_names.h"
#include "quant/blocks/block_formats.h"
#include "quant/scheme/scheme_presets.h"

namespace quantscope {
namespace {

std::string lowered(std::string_view name) {
    std::string text(name);
    std::ranges::transform(text, text.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

/// The tensors of one export, made when their turn comes.
class GgufTensors {
 public:
    GgufTensors(const ModelExportRequest& request, const KernelTable& kernels, VariantPlan plan,
                const Job& job)
        : m_model(*request.model),
          m_plan(std::move(plan)),
          m_quantizer(exportQuantizer(request, kernels, m_plan)),
          m_rotate(m_model.config().rotaryLayout != m_model.architecture().ggufRotary),
          m_job(job) {}

    /// Quantized ones only (of a GGUF source), or all.
    Status addAll(bool quantizedOnly) {
        m_quantizedOnly = quantizedOnly;
        if (Status done = addPlain(kEmbeddingName, &m_plan.embedding); !done) return done;
        if (Status done = addPlain(kFinalNormName, nullptr); !done) return done;
        for (int64_t block = 0; block < m_model.config().blocks; ++block) {
            for (const NormDescription& norm : m_model.architecture().norms)
                if (Status done = addPlain(blockWeightName(block, norm.name), nullptr); !done) return done;
            for (size_t i = m_model.linearsUntil(block - 1); i < m_model.linearsUntil(block); ++i)
                if (Status done = addLayer(i); !done) return done;
        }
        if (m_model.config().tiedEmbeddings) return {};
        return addLayer(m_plan.layers.size() - 1);
    }

    std::vector<OutputTensor> tensors;
    std::optional<DType> commonType;
    int64_t quantized = 0;
    std::vector<std::string> notes;

 private:
    Status addLayer(size_t index);
    Status addBias(const LinearInfo& layer);
    Status addPlain(const std::string& canonical, const Recipe* recipe);
    [[nodiscard]] Tensor turned(const LinearInfo& layer, const Tensor& values) const;
    Status addValues(const std::string& canonical, const Tensor& values, DType dtype);
    Status addEncoded(const std::string& canonical, const LayerInput& input, const Recipe& recipe);

    const Model& m_model;
    VariantPlan m_plan;
    std::unique_ptr<LayerQuantizer> m_quantizer;
    bool m_rotate;
    bool m_quantizedOnly = false;
    Job m_job;
};

Status GgufTensors::addValues(const std::string& canonical, const Tensor& values, DType dtype) {
    const auto stored = encodeBlocks(values, dtype);
    if (!stored) return fail(stored.error());
    tensors.push_back(
        outputTensor(fileTensorName(m_model.architecture(), canonical, NameStyle::Gguf), *stored));
    return {};
}

Status GgufTensors::addEncoded(const std::string& canonical, const LayerInput& input, const Recipe& recipe) {
    const auto stored = encodeGguf(input, recipe, m_job.quiet());
    if (!stored) return fail(stored.error());
    const DType dtype = stored->dtype();
    if (ggufTypeNamed(recipe.method) && lowered(infoOf(dtype).name) != recipe.method) {
        const std::string note = fmt::format("{} inputs are no multiple of 256: {} instead of {}",
                                             input.weight.cols(), infoOf(dtype).name, recipe.method);
        if (std::ranges::find(notes, note) == notes.end()) notes.push_back(note);
    }
    tensors.push_back(
        outputTensor(fileTensorName(m_model.architecture(), canonical, NameStyle::Gguf), *stored));
    commonType = dtype;
    ++quantized;
    return {};
}

Status GgufTensors::addLayer(size_t index) {
    const LinearInfo& layer = m_model.linears()[index];
    const Recipe& recipe = m_plan.layers[index];
    if (!m_job.proceed(static_cast<double>(index) / static_cast<double>(m_plan.layers.size()), layer.name))
        return fail(ErrorKind::Cancelled, "stopped");
    if (m_plan.inputs[index])
        return fail(ErrorKind::Unsupported, "GGUF holds weights; llama.cpp rounds activations by itself",
                    layer.name, "Leave @act out");
    if (Status done = addBias(layer); !done) return done;
    if (recipe.scheme.isFloat()) {
        if (m_quantizedOnly) return {};
        const auto values = m_model.linearWeight(layer.name);
        if (!values) return fail(values.error());
        return addValues(layer.name, turned(layer, *values),
                         layer.dtype == DType::F32 ? DType::F32 : DType::F16);
    }
    if (m_quantizer->orderOf(recipe) != InputOrder::Float)
        return fail(ErrorKind::Unsupported, "a GGUF file is calibrated on the float model's inputs",
                    layer.name, "Leave inputs= out");
    const auto statistics = m_quantizer->floatStatistics(layer, recipe, m_job.quiet());
    if (!statistics) return fail(statistics.error());
    auto input = m_quantizer->inputOf(layer, recipe, *statistics, m_job.quiet());
    if (!input) return fail(input.error());
    input->weight = turned(layer, input->weight);
    return addEncoded(layer.name, *input, recipe);
}

/// llama.cpp wants vectors in F32.
Status GgufTensors::addBias(const LinearInfo& layer) {
    if (layer.biasName.empty() || m_quantizedOnly) return {};
    const auto bias = m_model.bias(layer);
    if (!bias) return fail(bias.error());
    return addValues(biasNameOf(layer), turned(layer, *bias), DType::F32);
}

/// The layer's rows in the order that the family's GGUF files have them in.
Tensor GgufTensors::turned(const LinearInfo& layer, const Tensor& values) const {
    if (!m_rotate || !hasRotaryRows(layer.role)) return values;
    return toRotaryPairs(values, m_model.config().headDim);
}

Status GgufTensors::addPlain(const std::string& canonical, const Recipe* recipe) {
    const bool quantize = recipe != nullptr && !recipe->scheme.isFloat();
    if (m_quantizedOnly && !quantize) return {};
    const auto values = m_model.weight(canonical);
    if (!values) return fail(values.error());
    if (quantize) {
        return addEncoded(canonical, {canonical, *values, {}, {}, {}}, *recipe);
    }
    // llama.cpp wants vectors in F32.
    return addValues(canonical, *values, values->shape().size() == 1 ? DType::F32 : DType::F16);
}

}  // namespace

std::optional<DType> ggufTypeOf(const Recipe& recipe, int64_t cols) {
    if (const auto wanted = ggufTypeNamed(recipe.method)) return ggufTypeFor(*wanted, cols);
    if (recipe.method != "rtn") return std::nullopt;
    for (const BlockFormat& format : blockFormats()) {
        if (format.encode == nullptr) continue;
        const SchemePreset* preset = findSchemePreset(lowered(infoOf(format.dtype).name));
        if (preset != nullptr && preset->scheme == recipe.scheme) return format.dtype;
    }
    return std::nullopt;
}

Result<Tensor> encodeGguf(const LayerInput& input, const Recipe& recipe, const Job& job) {
    const auto dtype = ggufTypeOf(recipe, input.weight.cols());
    if (!dtype)
        return fail(ErrorKind::Unsupported,
                    fmt::format("GGUF has no type for {}",
                                recipe.method == "rtn" ? schemeText(recipe.scheme) : recipe.method),
                    input.name,
                    "Choose preset=q4_0, q4_1, q5_0, q5_1 or q8_0, or q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl");
    const auto wanted = ggufTypeNamed(recipe.method);
    if (!wanted) return encodeBlocks(input.weight, *dtype, job);
    if (calibrationNeed(recipe) != CalibrationNeed::None && !input.calibration)
        return fail(ErrorKind::InvalidArgument, "an importance matrix needs statistics of the layer's inputs",
                    input.name, "Export with a calibration text, or leave imatrix out");
    return encodeGgufBlocks(input, recipe, *wanted, job);
}

std::optional<uint64_t> ggufFileType(DType dtype) {
    switch (dtype) {
        case DType::F32:
            return 0;
        case DType::F16:
            return 1;
        case DType::Q4_0:
            return 2;
        case DType::Q4_1:
            return 3;
        case DType::Q8_0:
            return 7;
        case DType::Q5_0:
            return 8;
        case DType::Q5_1:
            return 9;
        case DType::Q2_K:
            return 10;
        case DType::Q3_K:
            return 11;
        case DType::Q4_K:
            return 14;
        case DType::Q5_K:
            return 16;
        case DType::Q6_K:
            return 18;
        case DType::IQ4_NL:
            return 25;
        case DType::BF16:
            return 32;
        default:
            return std::nullopt;
    }
}

Result<ModelExportSummary> exportGguf(const ModelExportRequest& request, const KernelTable& kernels,
                                      const Job& job) {
    const bool rewrite = request.source->format().starts_with("GGUF");
    GgufTensors made(request, kernels, planFor(request.variant, *request.model), job.part(0, 0.9));
    if (Status done = made.addAll(rewrite); !done) return fail(done.error());
    Metadata metadata;
    if (!rewrite) {
        auto described = ggufMetadata(*request.model, request.source->path());
        if (!described) return fail(described.error());
        metadata = std::move(*described);
    }
    metadata["general.quantization_version"] = uint64_t{2};
    metadata["quantscope.variant"] = variantText(request.variant);
    const auto type = ggufFileType(made.commonType.value_or(DType::F16));
    if (type && (made.commonType || !rewrite)) metadata["general.file_type"] = *type;
    const Status written =
        rewrite ? rewriteGguf(request.target, *request.source, made.tensors, metadata, job.part(0.9, 1))
                : writeGguf(request.target, made.tensors, metadata, job.part(0.9, 1));
    if (!written) return fail(written.error());
    const auto file = openCheckpoint(request.target);
    if (!file) return fail(file.error());
    ModelExportSummary summary;
    summary.quantized = made.quantized;
    summary.tensors = std::ssize((*file)->tensors());
    for (const TensorEntry& entry : request.source->tensors()) summary.sourceBytes += entry.bytes;
    for (const TensorEntry& entry : (*file)->tensors()) summary.targetBytes += entry.bytes;
    summary.notes = made.notes;
    return summary;
}

}  // namespace quantscope
