// SPDX-License-Identifier: Apache-2.0
#include "export/model_export.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "export/block_packer.h"
#include "export/export_quantizer.h"
#include "export/staged_folder.h"
#include "io/metadata.h"
#include "io/safetensors_writer.h"

namespace quantscope {
namespace {

using Json = nlohmann::ordered_json;

/// config.json of the source, which must not say that it is quantized already.
Result<Json> sourceConfig(const Checkpoint& source) {
    const auto text = metadataString(source.metadata(), "config.json");
    Json config = text ? Json::parse(*text, nullptr, false) : Json();
    if (!config.is_object())
        return fail(Error{ErrorKind::Unsupported, "there is no config.json to go with the weights",
                          source.path().string(), "config.json", "Open a Hugging Face model folder"});
    if (config.contains("quantization_config"))
        return fail(Error{ErrorKind::Unsupported, "this model is quantized already", source.path().string(),
                          "quantization_config", "Start from the float model"});
    return config;
}

Status checkOutside(const VariantPlan& plan) {
    if (plan.embedding.scheme.isFloat() && plan.layers.back().scheme.isFloat()) return {};
    return fail(ErrorKind::Unsupported, "these layouts keep the embedding and the head in float", "variant",
                "Leave @token_embd and @output out");
}

/// Tokenizer and generation files beside the weights.
Status copyOthers(const std::filesystem::path& from, const std::filesystem::path& to) {
    std::error_code error;
    if (!std::filesystem::is_directory(from, error)) return {};
    for (const auto& entry : std::filesystem::directory_iterator(from, error)) {
        const std::string name = entry.path().filename().string();
        const std::string extension = entry.path().extension().string();
        const bool wanted = extension == ".json" || extension == ".txt" || extension == ".model" ||
                            extension == ".jinja" || extension == ".tiktoken";
        if (!entry.is_regular_file() || !wanted || name == "config.json" || name.ends_with(".index.json"))
            continue;
        std::filesystem::copy_file(entry.path(), to / name, error);
        if (error) return fail(Error{ErrorKind::CannotWrite, error.message(), (to / name).string(), {}, {}});
    }
    return {};
}

std::vector<OutputTensor> allTensors(const ModelExportRequest& request, const BlockPacker& packer) {
    std::vector<OutputTensor> tensors;
    for (const TensorEntry& entry : request.source->tensors())
        if (!packer.replaced().contains(entry.name)) tensors.push_back(outputTensor(request.source, entry));
    tensors.insert(tensors.end(), packer.tensors().begin(), packer.tensors().end());
    return tensors;
}

ModelExportSummary summaryOf(const ModelExportRequest& request, const BlockPacker& packer,
                             const std::vector<OutputTensor>& tensors) {
    ModelExportSummary summary;
    for (const auto& group : packer.modules().groups) summary.quantized += std::ssize(group.second);
    summary.tensors = std::ssize(tensors);
    for (const TensorEntry& entry : request.source->tensors()) summary.sourceBytes += entry.bytes;
    for (const OutputTensor& tensor : tensors) summary.targetBytes += tensor.entry.bytes;
    summary.notes = packer.notes();
    return summary;
}

}  // namespace

Result<ModelExportSummary> exportModel(const ModelExportRequest& request, const KernelTable& kernels,
                                       const Job& job) {
    auto config = sourceConfig(*request.source);
    if (!config) return fail(config.error());
    const VariantPlan plan = planFor(request.variant, *request.model);
    if (Status good = checkOutside(plan); !good) return fail(good.error());
    auto folder = StagedFolder::create(request.target);
    if (!folder) return fail(folder.error());
    const auto quantizer = exportQuantizer(request, kernels, plan);
    BlockPacker packer(*request.model, plan, *request.layout, *quantizer);
    const int64_t blocks = request.model->config().blocks;
    for (int64_t block = 0; block < blocks; ++block) {
        const auto from = static_cast<double>(block);
        const Job part = job.part(0.9 * from / static_cast<double>(blocks),
                                  0.9 * (from + 1) / static_cast<double>(blocks));
        if (Status done = packer.add(block, part); !done) return fail(done.error());
    }
    const auto settings = request.layout->config(packer.modules());
    if (!settings) return fail(settings.error());
    (*config)["quantization_config"] = Json::parse(*settings);
    const std::vector<OutputTensor> tensors = allTensors(request, packer);
    const std::map<std::string, std::string> metadata = {
        {"format", "pt"}, {"quantscope.variant", variantText(request.variant)}};
    if (Status done =
            writeSafetensors(folder->path() / "model.safetensors", tensors, metadata, job.part(0.9, 1));
        !done)
        return fail(done.error());
    if (Status done = writeTextFile(folder->path() / "config.json", config->dump(2) + "\n"); !done)
        return fail(done.error());
    if (Status done = copyOthers(request.source->path(), folder->path()); !done) return fail(done.error());
    for (const auto& [name, text] : request.files)
        if (Status done = writeTextFile(folder->path() / name, text); !done) return fail(done.error());
    if (Status done = folder->commit(); !done) return fail(done.error());
    ModelExportSummary summary = summaryOf(request, packer, tensors);
    if (auto note = quantizer->orderNote(plan)) summary.notes.push_back(std::move(*note));
    return summary;
}

}  // namespace quantscope
