// SPDX-License-Identifier: Apache-2.0
#include "model/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <mutex>
#include <system_error>
#include <utility>

#include "io/metadata.h"
#include "model/architectures/tensor_names.h"
#include "quant/passes/to_float.h"
#include "tensor/mapped_file.h"

namespace quantscope {
namespace {

Result<std::string> readText(const std::filesystem::path& path) {
    auto file = MappedFile::open(path);
    if (!file) return fail(file.error());
    const auto bytes = (*file)->bytes();
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

bool existsQuietly(const std::filesystem::path& path) {
    std::error_code ignored;
    return std::filesystem::exists(path, ignored);
}

class CheckpointModel final : public Model {
 public:
    CheckpointModel(std::shared_ptr<const Checkpoint> checkpoint, ModelConfig config,
                    const Architecture& family, NameStyle style)
        : m_checkpoint(std::move(checkpoint)),
          m_config(std::move(config)),
          m_family(family),
          m_style(style),
          m_path(m_checkpoint->path().string()) {}

    /// Checks every tensor's presence and shape and lists the linear layers.
    Status bind();

    [[nodiscard]] const ModelConfig& config() const override { return m_config; }
    [[nodiscard]] const Architecture& architecture() const override { return m_family; }
    [[nodiscard]] const std::string& path() const override { return m_path; }
    [[nodiscard]] std::span<const LinearInfo> linears() const override { return m_linears; }
    [[nodiscard]] Result<Tensor> linearWeight(std::string_view name, const Job& job) const override;
    [[nodiscard]] Result<Tensor> weight(std::string_view name) const override;
    [[nodiscard]] Result<Tensor> storedWeight(std::string_view name) const override;
    [[nodiscard]] Result<std::shared_ptr<const Tokenizer>> tokenizer() const override;
    [[nodiscard]] uint64_t storedBytes() const override { return m_storedBytes; }

 private:
    Status expect(const std::string& canonical, const Shape& shape);
    Status bindLinear(LinearInfo info);
    [[nodiscard]] Status refuseOtherBiases() const;
    [[nodiscard]] std::string nameInFile(std::string_view canonical) const {
        return fileTensorName(m_family, canonical, m_style);
    }
    [[nodiscard]] Result<Tensor> load(const std::string& tensorName, const Job& job = {}) const;
    [[nodiscard]] Result<std::shared_ptr<const Tokenizer>> tokenizerFromFolder() const;
    [[nodiscard]] Result<std::shared_ptr<const Tokenizer>> readTokenizer() const;

    std::shared_ptr<const Checkpoint> m_checkpoint;
    ModelConfig m_config;
    const Architecture& m_family;
    NameStyle m_style;
    std::string m_path;
    std::vector<LinearInfo> m_linears;
    uint64_t m_storedBytes = 0;
    mutable std::mutex m_tokenizerGuard;
    mutable std::shared_ptr<const Tokenizer> m_tokenizer;  ///< read once, when first asked for
};

Status CheckpointModel::expect(const std::string& canonical, const Shape& shape) {
    const std::string name = nameInFile(canonical);
    const TensorEntry* entry = m_checkpoint->find(name);
    if (!entry) {
        return fail(inFile(Error{ErrorKind::Malformed,
                                 "the model lacks this tensor",
                                 {},
                                 name,
                                 "Download or convert the model again."},
                           m_path));
    }
    if (entry->shape != shape) {
        return fail(inFile(Error{ErrorKind::Malformed,
                                 fmt::format("the shape is {}, the configuration asks for {}",
                                             describe(entry->shape), describe(shape)),
                                 {},
                                 name,
                                 "Download or convert the model again."},
                           m_path));
    }
    return {};
}

Status CheckpointModel::bindLinear(LinearInfo info) {
    const bool tiedHead = info.role == LayerRole::Head && m_config.tiedEmbeddings;
    const std::string canonical = tiedHead ? kEmbeddingName : info.name;
    if (Status found = expect(canonical, {info.outFeatures, info.inFeatures}); !found) return found;
    info.tensorName = nameInFile(canonical);
    if (!info.biasName.empty()) {
        if (Status found = expect(info.biasName, {info.outFeatures}); !found) return found;
        info.biasName = nameInFile(info.biasName);
    }
    const TensorEntry* entry = m_checkpoint->find(info.tensorName);
    info.dtype = entry->dtype;
    info.bytes = entry->bytes;
    m_linears.push_back(std::move(info));
    return {};
}

Status CheckpointModel::bind() {
    if (Status found = expect(kEmbeddingName, {m_config.vocabulary, m_config.hidden}); !found) return found;
    if (Status found = expect(kFinalNormName, {m_config.hidden}); !found) return found;
    // Sized by what the file holds, not by what its header claims.
    for (int64_t block = 0; block < m_config.blocks; ++block) {
        for (const NormDescription& norm : m_family.norms)
            if (Status found = expect(blockWeightName(block, norm.name), {widthOf(norm.width, m_config)});
                !found)
                return found;
        for (LinearInfo& layer : describedLinears(m_family, m_config, block))
            if (Status bound = bindLinear(std::move(layer)); !bound) return bound;
    }
    for (LinearInfo& layer : describedLinears(m_family, m_config, -1))
        if (Status bound = bindLinear(std::move(layer)); !bound) return bound;
    for (const TensorEntry& entry : m_checkpoint->tensors()) m_storedBytes += entry.bytes;
    return refuseOtherBiases();
}

/// A bias that the family does not have would be left out without a word.
Status CheckpointModel::refuseOtherBiases() const {
    for (const TensorEntry& entry : m_checkpoint->tensors()) {
        if (!entry.name.ends_with(".bias") ||
            std::ranges::find(m_linears, entry.name, &LinearInfo::biasName) != m_linears.end())
            continue;
        return fail(
            inFile(Error{ErrorKind::Unsupported,
                         fmt::format("{} models have no bias here, and the configuration asks for none",
                                     m_family.label),
                         {},
                         entry.name,
                         "Set attention_bias or mlp_bias in config.json if the model was trained "
                         "with them."},
                   m_path));
    }
    return {};
}

Result<Tensor> CheckpointModel::load(const std::string& tensorName, const Job& job) const {
    Result<Tensor> stored = m_checkpoint->load(tensorName);
    if (!stored) return fail(inFile(stored.error(), m_path));
    Result<Tensor> floats = toFloat32(*stored, job);
    if (!floats) return fail(inFile(floats.error(), m_path));
    return floats;
}

Result<Tensor> CheckpointModel::linearWeight(std::string_view name, const Job& job) const {
    const LinearInfo* info = findLinear(name);
    if (!info) {
        return fail(ErrorKind::NotFound, fmt::format("the model has no linear layer \"{}\"", name), "layer",
                    "Names look like blk.3.ffn_down.");
    }
    return load(info->tensorName, job);
}

Result<Tensor> CheckpointModel::storedWeight(std::string_view name) const {
    const LinearInfo* info = findLinear(name);
    Result<Tensor> stored = m_checkpoint->load(info ? info->tensorName : nameInFile(name));
    if (!stored) return fail(inFile(stored.error(), m_path));
    return stored;
}

Result<Tensor> CheckpointModel::weight(std::string_view name) const {
    if (findLinear(name)) return linearWeight(name, {});
    return load(nameInFile(name));
}

Result<std::shared_ptr<const Tokenizer>> CheckpointModel::tokenizerFromFolder() const {
    const std::filesystem::path folder = m_path;
    Result<std::string> text = readText(folder / "tokenizer.json");
    if (!text) return fail(text.error());
    std::string extra;
    if (existsQuietly(folder / "tokenizer_config.json")) {
        Result<std::string> config = readText(folder / "tokenizer_config.json");
        if (!config) return fail(config.error());
        extra = std::move(*config);
    }
    return tokenizerFromJson(*text, extra);
}

Result<std::shared_ptr<const Tokenizer>> CheckpointModel::readTokenizer() const {
    Result<std::shared_ptr<const Tokenizer>> result =
        m_style == NameStyle::Gguf ? tokenizerFromGguf(m_checkpoint->metadata()) : tokenizerFromFolder();
    if (!result) return fail(inFile(result.error(), m_path));
    return result;
}

Result<std::shared_ptr<const Tokenizer>> CheckpointModel::tokenizer() const {
    const std::lock_guard lock(m_tokenizerGuard);
    if (!m_tokenizer) {
        auto read = readTokenizer();
        if (!read) return read;
        m_tokenizer = std::move(*read);
    }
    return m_tokenizer;
}

Result<ModelConfig> readConfig(const Checkpoint& checkpoint, NameStyle style) {
    if (style == NameStyle::Gguf) return configFromGguf(checkpoint);
    const auto text = metadataString(checkpoint.metadata(), "config.json");
    if (!text) {
        return fail(ErrorKind::Unsupported, "this is not a language model", "config.json",
                    "Open a GGUF file or a folder with config.json, *.safetensors and tokenizer.json.");
    }
    Result<ModelConfig> config = configFromHuggingFace(*text);
    // A head beside the embedding wins over a flag that was left at its default.
    if (config && !checkpoint.find("lm_head.weight")) config->tiedEmbeddings = true;
    return config;
}

}  // namespace

Result<Tensor> Model::bias(const LinearInfo& layer) const {
    if (layer.biasName.empty()) return Tensor();
    return weight(biasNameOf(layer));
}

const LinearInfo* Model::findLinear(std::string_view name) const {
    const auto all = linears();
    const auto found = std::ranges::find(all, name, &LinearInfo::name);
    return found == all.end() ? nullptr : &*found;
}

std::span<const LinearInfo> Model::blockLinears(int64_t block) const {
    const auto inBlocks = linears().first(linears().size() - 1);
    const auto found = std::ranges::equal_range(inBlocks, block, {}, &LinearInfo::block);
    return {found.begin(), found.end()};
}

std::span<const InputPointInfo> Model::inputPoints(int64_t) const {
    return architecture().inputPoints;
}

size_t Model::linearIndex(const LinearInfo& layer) const {
    const auto candidates = layer.block < 0 ? std::span(&head(), 1) : blockLinears(layer.block);
    const auto found = std::ranges::find(candidates, layer.name, &LinearInfo::name);
    assert(found != candidates.end());
    return static_cast<size_t>(&*found - linears().data());
}

size_t Model::linearsUntil(int64_t block) const {
    const auto inBlocks = linears().first(linears().size() - 1);
    const auto next = std::ranges::upper_bound(inBlocks, block, {}, &LinearInfo::block);
    return static_cast<size_t>(next - inBlocks.begin());
}

const LinearInfo& Model::head() const {
    return linears().back();
}

Result<std::shared_ptr<const Model>> openModel(std::shared_ptr<const Checkpoint> checkpoint) {
    const std::string path = checkpoint->path().string();
    // A bare *.safetensors file has no configuration; readConfig says so.
    const NameStyle style =
        checkpoint->format().starts_with("GGUF") ? NameStyle::Gguf : NameStyle::HuggingFace;
    Result<ModelConfig> config = readConfig(*checkpoint, style);
    if (!config) return fail(inFile(config.error(), path));
    const Architecture* family = findArchitecture(config->architecture);
    assert(family != nullptr);  // others have no configuration
    auto model = std::make_shared<CheckpointModel>(std::move(checkpoint), std::move(*config), *family, style);
    if (Status bound = model->bind(); !bound) return fail(bound.error());
    return std::shared_ptr<const Model>(std::move(model));
}

Result<std::shared_ptr<const Model>> openModel(const std::filesystem::path& path) {
    auto checkpoint = openCheckpoint(path);
    if (!checkpoint) return fail(checkpoint.error());
    return openModel(std::move(*checkpoint));
}

}  // namespace quantscope
