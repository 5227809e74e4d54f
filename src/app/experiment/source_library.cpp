// SPDX-License-Identifier: Apache-2.0
#include "app/experiment/source_library.h"

#include <fmt/format.h>

#include "analysis/tensor/synthetic_sources.h"
#include "base/atomic_file.h"
#include "export/packed_reader.h"
#include "model/calibration/capture.h"
#include "quant/passes/to_float.h"
#include "tensor/synthetic.h"

namespace quantscope {
namespace {

constexpr uint64_t kLargestText = uint64_t{1} << 30;

/// The value of `key`, made by `make` the first time. The lock is not held while making: two threads may open
/// the same file at the same time, and the first to finish wins.
template <class Map, class Key, class Make>
auto remembered(std::mutex& mutex, Map& map, const Key& key, const Make& make)
    -> Result<typename Map::mapped_type> {
    {
        const std::lock_guard lock(mutex);
        if (const auto it = map.find(key); it != map.end()) return it->second;
    }
    auto made = make();
    if (!made) return fail(made.error());
    const std::lock_guard lock(mutex);
    return map.try_emplace(key, std::move(*made)).first->second;
}

}  // namespace

Result<std::shared_ptr<const Checkpoint>> SourceLibrary::checkpoint(const std::string& path) {
    return remembered(m_mutex, m_checkpoints, path, [&] { return openCheckpoint(path); });
}

Result<std::shared_ptr<const Model>> SourceLibrary::model(const std::string& path) {
    return remembered(m_mutex, m_models, path, [&]() -> Result<std::shared_ptr<const Model>> {
        auto opened = checkpoint(path);
        if (!opened) return fail(opened.error());
        auto floats = unpackedCheckpoint(std::move(*opened));
        if (!floats) return fail(floats.error());
        return openModel(std::move(*floats));
    });
}

Result<std::shared_ptr<const std::vector<int32_t>>> SourceLibrary::tokens(const ModelSource& source) {
    using Tokens = std::shared_ptr<const std::vector<int32_t>>;
    const auto make = [&]() -> Result<Tokens> {
        auto opened = model(source.modelPath);
        if (!opened) return fail(opened.error());
        const auto tokenizer = (*opened)->tokenizer();
        if (!tokenizer) return fail(inFile(tokenizer.error(), source.modelPath));
        const auto text = readTextFile(source.textPath, kLargestText);
        if (!text) return fail(text.error());
        auto ids = (*tokenizer)->encode(*text);
        if (!ids) return fail(inFile(ids.error(), source.textPath));
        return Tokens(std::make_shared<const std::vector<int32_t>>(std::move(*ids)));
    };
    return remembered(m_mutex, m_tokens, std::pair(source.modelPath, source.textPath), make);
}

Result<LoadedMatrix> SourceLibrary::matrix(const MatrixSource& source, const Job& job) {
    return std::visit([&](const auto& s) { return load(s, job); }, source);
}

Result<LoadedMatrix> SourceLibrary::load(const TensorSource& source, const Job& job) {
    const auto opened = checkpoint(source.path);
    if (!opened) return fail(opened.error());
    // A file of one matrix needs no name.
    const bool only = source.tensor.empty() && (*opened)->tensors().size() == 1;
    const std::string name = only ? (*opened)->tensors().front().name : source.tensor;
    const auto stored = (*opened)->load(name);
    if (!stored) return fail(inFile(stored.error(), source.path));
    auto values = toFloat32(*stored, job);
    if (!values) {
        Error error = inFile(values.error(), source.path);
        if (error.field.empty()) error.field = name;
        return fail(std::move(error));
    }
    return LoadedMatrix{std::move(*values), name, std::string(infoOf(stored->dtype()).name)};
}

Result<LoadedMatrix> SourceLibrary::load(const SyntheticSource& source, const Job&) {
    const auto matrix = parseSynthetic(source.spec);
    if (!matrix) return fail(matrix.error());
    auto values = generate(*matrix);
    if (!values) return fail(values.error());
    return LoadedMatrix{std::move(*values), syntheticTitle(*matrix), "synthetic"};
}

Result<LoadedMatrix> SourceLibrary::load(const ActivationSource& source, const Job& job) {
    const auto opened = model(source.modelPath);
    if (!opened) return fail(opened.error());
    const auto ids = tokens({source.modelPath, source.textPath});
    if (!ids) return fail(ids.error());
    CaptureRequest request;
    request.layers = {source.layer};
    const auto count = std::min((*ids)->size(), static_cast<size_t>(std::max(1, source.tokens)));
    auto capture =
        captureActivations(**opened, std::span(**ids).first(count), request, m_kernels.table(), job);
    if (!capture) return fail(inFile(capture.error(), source.modelPath));
    const auto it = capture->inputs.find(source.layer);
    if (it == capture->inputs.end()) {
        return fail(Error{ErrorKind::NotFound, "the model has no such linear layer", source.modelPath,
                          source.layer, "Choose a layer such as blk.0.ffn_down"});
    }
    return LoadedMatrix{it->second, "input of " + source.layer, "activations"};
}

}  // namespace quantscope
