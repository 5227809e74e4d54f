// SPDX-License-Identifier: Apache-2.0
#include "model/weights/finished_layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <system_error>

#include "io/safetensors_writer.h"
#include "model/weights/fingerprint.h"
#include "quant/packing.h"
#include "quant/passes/group_layout.h"

namespace quantscope {
namespace {

constexpr std::string_view kVersion = "quantscope layer 1";

template <class T>
void addVector(std::vector<OutputTensor>& tensors, const char* name, DType dtype,
               const std::vector<T>& values) {
    if (values.empty()) return;
    const auto bytes = std::as_bytes(std::span(values));
    const int64_t count = std::ssize(bytes) / infoOf(dtype).blockBytes;
    tensors.push_back(outputTensor(name, Tensor::fromBytes(dtype, {count}, {bytes.begin(), bytes.end()})));
}

template <class T>
std::vector<T> readVector(const Checkpoint& file, const char* name, DType dtype) {
    const TensorEntry* entry = file.find(name);
    if (entry == nullptr || entry->dtype != dtype) return {};
    const auto tensor = file.load(name);
    if (!tensor) return {};
    const auto values = tensor->as<T>();
    return {values.begin(), values.end()};
}

std::vector<OutputTensor> tensorsOf(const LayerResult& result) {
    std::vector<OutputTensor> tensors;
    if (result.weight) {
        addVector(tensors, "codes", DType::U8, result.weight->packedCodes());
        addVector(tensors, "groups", DType::F32, result.weight->groups());
    }
    if (result.values) tensors.push_back(outputTensor("values", *result.values));
    if (result.transform) {
        addVector(tensors, "divisor", DType::F32, result.transform->divisor);
        addVector(tensors, "signs", DType::F32, result.transform->signs);
        addVector(tensors, "permutation", DType::I32, result.transform->permutation);
    }
    return tensors;
}

std::string checksumOf(const std::vector<OutputTensor>& tensors) {
    Fingerprint print;
    for (const OutputTensor& tensor : tensors) {
        const auto data = tensor.load();
        if (!data) return {};
        print.add(tensor.entry.name);
        print.add(data->bytes());
    }
    return print.text();
}

std::string metadataOf(const Checkpoint& file, std::string_view key) {
    const auto found = file.metadata().find(key);
    if (found == file.metadata().end()) return {};
    const auto* text = std::get_if<std::string>(&found->second);
    return text != nullptr ? *text : std::string();
}

/// Notes one after the other, each ended by a line break.
std::vector<std::string> linesOf(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

/// Codes that fit the scheme and the layer, or nothing.
std::optional<QuantizedTensor> codesOf(const Checkpoint& file, const LinearInfo& layer) {
    const auto scheme = parseScheme(metadataOf(file, "scheme"));
    if (!scheme) return std::nullopt;
    const GroupLayout layout = GroupLayout::of(*scheme, layer.outFeatures, layer.inFeatures);
    auto codes = readVector<std::byte>(file, "codes", DType::U8);
    auto groups = readVector<GroupParams>(file, "groups", DType::F32);
    const int64_t bytes = layer.outFeatures * packedBytes(layer.inFeatures, scheme->bits);
    if (static_cast<int64_t>(codes.size()) != bytes ||
        static_cast<int64_t>(groups.size()) != layout.groupCount())
        return std::nullopt;
    return QuantizedTensor(*scheme, {layer.outFeatures, layer.inFeatures}, layout, std::move(codes),
                           std::move(groups));
}

/// The result, unless the file contradicts itself.
std::optional<LayerResult> readResult(const Checkpoint& file, const LinearInfo& layer) {
    LayerResult result;
    if (file.find("codes") != nullptr) {
        result.weight = codesOf(file, layer);
        if (!result.weight) return std::nullopt;
    }
    if (const TensorEntry* values = file.find("values")) {
        auto loaded = file.load("values");
        if (!loaded || values->dtype != DType::F32 ||
            values->shape != Shape{layer.outFeatures, layer.inFeatures})
            return std::nullopt;
        result.values = std::move(*loaded);
    }
    if (!result.weight && !result.values) return std::nullopt;
    if (metadataOf(file, "transform") == "yes") {
        result.transform = ActivationTransform{readVector<float>(file, "divisor", DType::F32),
                                               readVector<float>(file, "signs", DType::F32),
                                               readVector<int32_t>(file, "permutation", DType::I32)};
    }
    result.bytes = std::strtoull(metadataOf(file, "bytes").c_str(), nullptr, 10);
    result.notes = linesOf(metadataOf(file, "notes"));
    return metadataOf(file, "checksum") == checksumOf(tensorsOf(result)) ? std::optional(std::move(result))
                                                                         : std::nullopt;
}

/// Whether the file can say which scheme and groups the codes have.
bool canBeKept(const LayerResult& result) {
    if (!result.weight) return true;
    const auto scheme = parseScheme(schemeText(result.weight->scheme()));
    const Shape& shape = result.weight->shape();
    return scheme && *scheme == result.weight->scheme() && shape.size() == 2 &&
           GroupLayout::of(*scheme, shape[0], shape[1]) == result.weight->layout();
}

}  // namespace

Result<std::shared_ptr<FinishedLayers>> FinishedLayers::open(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error || !std::filesystem::is_directory(folder, error)) {
        Error failure{ErrorKind::CannotWrite, "no folder can be made there", folder.string(), "resume",
                      "name a folder that may be written to"};
        return fail(std::move(failure));
    }
    auto result = std::make_shared<FinishedLayers>();
    result->m_folder = folder;
    return result;
}

std::filesystem::path FinishedLayers::fileOf(const LinearInfo& layer, const std::string& key) const {
    Fingerprint print;
    print.add(key);
    return m_folder / fmt::format("{}-{}.safetensors", layer.name, print.text());
}

std::optional<LayerResult> FinishedLayers::find(const LinearInfo& layer, const std::string& key) {
    const std::filesystem::path path = fileOf(layer, key);
    std::error_code error;
    if (!std::filesystem::exists(path, error)) return std::nullopt;
    const auto file = openCheckpoint(path);
    std::optional<LayerResult> result;
    if (file && metadataOf(**file, "format") == kVersion && metadataOf(**file, "key") == key)
        result = readResult(**file, layer);
    if (result)
        ++m_taken;
    else
        m_damaged.push_back(fmt::format("{} is damaged: the layer was computed again", path.string()));
    return result;
}

Status FinishedLayers::put(const LinearInfo& layer, const std::string& key, const LayerResult& result) {
    if (!canBeKept(result)) return {};
    const std::vector<OutputTensor> tensors = tensorsOf(result);
    std::map<std::string, std::string> metadata = {{"format", std::string(kVersion)},
                                                   {"key", key},
                                                   {"bytes", std::to_string(result.bytes)},
                                                   {"transform", result.transform ? "yes" : "no"},
                                                   {"checksum", checksumOf(tensors)}};
    if (result.weight) metadata["scheme"] = schemeText(result.weight->scheme());
    for (const std::string& note : result.notes) metadata["notes"] += note + "\n";
    return writeSafetensors(fileOf(layer, key), tensors, metadata);
}

std::vector<std::string> FinishedLayers::notes() const {
    std::vector<std::string> notes = m_damaged;
    if (m_taken > 0) {
        notes.push_back(fmt::format("{} layer{} taken from {}", m_taken, m_taken == 1 ? " was" : "s were",
                                    m_folder.string()));
    }
    return notes;
}

}  // namespace quantscope
