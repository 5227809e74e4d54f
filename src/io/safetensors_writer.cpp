// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "io/utf8.h"

namespace quantscope {
namespace {

using Json = nlohmann::ordered_json;
using Order = std::vector<const OutputTensor*>;

Status check(const std::vector<OutputTensor>& tensors, const std::map<std::string, std::string>& metadata) {
    if (auto status = checkNames(tensors); !status) {
        Error error = status.error();
        error.kind = ErrorKind::InvalidArgument;
        error.fix = "Give every tensor a name of its own";
        return fail(std::move(error));
    }
    for (const OutputTensor& tensor : tensors) {
        const bool known = tensor.entry.unsupportedType.empty() && !infoOf(tensor.entry.dtype).isBlock();
        if (!known)
            return fail(ErrorKind::Unsupported, "safetensors has no GGUF block types", tensor.entry.name,
                        "Dequantize it, or write a GGUF file");
        if (tensor.entry.name == "__metadata__")
            return fail(ErrorKind::InvalidArgument, "this name is reserved", tensor.entry.name, "Rename it");
    }
    for (const auto& [key, value] : metadata) {
        if (!isValidUtf8(key) || !isValidUtf8(value))
            return fail(ErrorKind::InvalidArgument, "not valid UTF-8", printable(key), "Correct the text");
    }
    return {};
}

Order dataOrder(const std::vector<OutputTensor>& tensors) {
    Order order;
    for (const OutputTensor& tensor : tensors) order.push_back(&tensor);
    std::stable_sort(order.begin(), order.end(), [](const OutputTensor* a, const OutputTensor* b) {
        return infoOf(a->entry.dtype).blockBytes > infoOf(b->entry.dtype).blockBytes;
    });
    return order;
}

/// The header's JSON, padded with blanks so that the data starts at a multiple of 8.
std::string headerText(const Order& order, const std::map<std::string, std::string>& metadata) {
    Json header = Json::object();
    if (!metadata.empty()) header["__metadata__"] = metadata;
    uint64_t offset = 0;
    for (const OutputTensor* tensor : order) {
        const TensorEntry& entry = tensor->entry;
        header[entry.name] = {{"dtype", infoOf(entry.dtype).name},
                              {"shape", entry.shape},
                              {"data_offsets", {offset, offset + entry.bytes}}};
        offset += entry.bytes;
    }
    std::string text = header.dump();
    text.append((8 - text.size() % 8) % 8, ' ');
    return text;
}

Status write(AtomicFile& file, const Order& order, const std::string& header, const Job& job) {
    const auto length = static_cast<uint64_t>(header.size());
    if (auto status = file.write(std::as_bytes(std::span(&length, 1))); !status) return status;
    if (auto status = file.write(header); !status) return status;
    for (size_t i = 0; i < order.size(); ++i) {
        if (!job.proceed(static_cast<double>(i) / static_cast<double>(order.size()), order[i]->entry.name))
            return fail(ErrorKind::Cancelled, "stopped");
        if (auto status = writeData(file, *order[i]); !status) return status;
    }
    return file.commit();
}

}  // namespace

Status writeSafetensors(const std::filesystem::path& target, const std::vector<OutputTensor>& tensors,
                        const std::map<std::string, std::string>& metadata, const Job& job) {
    if (auto status = check(tensors, metadata); !status) return fail(inFile(status.error(), target.string()));
    auto file = AtomicFile::create(target);
    if (!file) return fail(file.error());
    const Order order = dataOrder(tensors);
    return write(*file, order, headerText(order, metadata), job).map_error([&](Error error) {
        return inFile(std::move(error), target.string());
    });
}

}  // namespace quantscope
