// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "io/byte_reader.h"
#include "io/data_layout.h"
#include "io/json_input.h"
#include "io/utf8.h"

namespace quantscope {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the reference implementation's limit
constexpr const char* kFix = "Download or write the file again";

tl::unexpected<Error> malformed(std::string message, std::string field) {
    return fail(ErrorKind::Malformed, std::move(message), std::move(field), kFix);
}

/// Header text, and where the data starts.
struct Header {
    std::string_view text;
    uint64_t dataOffset = 0;
};

Result<Header> readHeader(std::span<const std::byte> bytes) {
    ByteReader in(bytes);
    const auto length = in.take<uint64_t>();
    if (!length) return malformed("the file ends inside the header's length", "header length");
    if (*length > in.remaining())
        return malformed(fmt::format("a header of {} bytes in a file of {}", *length, bytes.size()),
                         "header length");
    if (*length > kMaxHeaderBytes)
        return malformed(
            fmt::format("a header of {} bytes, more than the format's {}", *length, kMaxHeaderBytes),
            "header length");
    return Header{*in.takeText(*length), 8 + *length};
}

Result<Metadata> readMetadata(const json& object) {
    if (!object.is_object()) return malformed("not an object", "__metadata__");
    Metadata metadata;
    for (const auto& [key, value] : object.items()) {
        if (!value.is_string()) return malformed("metadata values must be strings", printable(key));
        metadata.emplace(key, value.get<std::string>());
    }
    return metadata;
}

Result<Shape> readShape(const json& dims, const std::string& field) {
    if (!dims.is_array() || dims.size() > 64)
        return malformed("no list of dimensions under \"shape\"", field);
    Shape shape;
    for (const json& dim : dims) {
        if (!dim.is_number_unsigned() || dim.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX))
            return malformed("a dimension is not a whole number that fits 63 bits", field);
        shape.push_back(dim.get<int64_t>());
    }
    return shape;
}

/// One tensor's entry, with its offset in the data section.
struct Placed {
    TensorEntry entry;
    uint64_t begin = 0;
};

Result<Placed> readEntry(const std::string& name, const json& value, uint64_t dataBytes) {
    const std::string field = printable(name);
    const json dtype = value.is_object() ? value.value("dtype", json()) : json();
    if (!dtype.is_string()) return malformed("no text under \"dtype\"", field);
    const auto shape = readShape(value.value("shape", json()), field);
    if (!shape) return fail(shape.error());
    const json offsets = value.value("data_offsets", json());
    if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
        !offsets[1].is_number_unsigned())
        return malformed("no pair of positions under \"data_offsets\"", field);
    const auto begin = offsets[0].get<uint64_t>();
    const auto end = offsets[1].get<uint64_t>();
    if (begin > end || end > dataBytes)
        return malformed(fmt::format("data_offsets [{}, {}] do not lie inside the file's data of {} bytes",
                                     begin, end, dataBytes),
                         field);
    Placed placed{{name, DType::U8, *shape, end - begin, {}}, begin};
    const auto typeName = dtype.get<std::string>();
    const auto known = dtypeNamed(typeName);
    const bool supported = known && !infoOf(*known).isBlock();
    const auto needed = bytesNeeded(supported ? *known : DType::U8, *shape);
    if (!needed) return malformed(needed.error().message, field);
    if (!supported) {
        placed.entry.unsupportedType = printable(typeName, 20);
        return placed;
    }
    placed.entry.dtype = *known;
    if (*needed != end - begin)
        return malformed(fmt::format("{} of {} needs {} bytes, data_offsets give {}", describe(*shape),
                                     typeName, *needed, end - begin),
                         field);
    return placed;
}

Result<std::vector<Placed>> readEntries(const json& header, uint64_t dataBytes) {
    std::vector<Placed> all;
    std::vector<Extent> extents;
    for (const auto& [name, value] : header.items()) {
        if (name == "__metadata__") continue;
        auto placed = readEntry(name, value, dataBytes);
        if (!placed) return fail(placed.error());
        extents.push_back({placed->begin, placed->entry.bytes, all.size()});
        all.push_back(std::move(*placed));
    }
    if (const auto pair = firstOverlap(extents))
        return malformed(fmt::format("its data overlaps that of {}", printable(all[pair->first].entry.name)),
                         printable(all[pair->second].entry.name));
    std::stable_sort(all.begin(), all.end(),
                     [](const Placed& a, const Placed& b) { return a.begin < b.begin; });
    return all;
}

Result<SafetensorsContent> read(const std::shared_ptr<const MappedFile>& file) {
    const auto header = readHeader(file->bytes());
    if (!header) return fail(header.error());
    const auto document = parseJson(header->text);
    if (!document) return malformed(document.error().message, "header");
    if (!document->is_object()) return malformed("the header is not a JSON object", "header");
    SafetensorsContent content;
    if (const auto it = document->find("__metadata__"); it != document->end()) {
        auto metadata = readMetadata(*it);
        if (!metadata) return fail(metadata.error());
        content.metadata = std::move(*metadata);
    }
    auto entries = readEntries(*document, file->bytes().size() - header->dataOffset);
    if (!entries) return fail(entries.error());
    for (Placed& placed : *entries) {
        TensorLoader load = mappedLoader(file, placed.entry, header->dataOffset + placed.begin);
        content.tensors.push_back({std::move(placed.entry), std::move(load)});
    }
    if (auto status = checkNames(content.tensors); !status) return fail(status.error());
    return content;
}

}  // namespace

Result<SafetensorsContent> readSafetensors(const std::shared_ptr<const MappedFile>& file) {
    return read(file).map_error([&](Error e) { return inFile(std::move(e), file->path().string()); });
}

Result<std::shared_ptr<const Checkpoint>> openSafetensors(const std::shared_ptr<const MappedFile>& file) {
    auto content = readSafetensors(file);
    if (!content) return fail(content.error());
    return std::make_shared<const CheckpointTable>("safetensors", file->path(), std::move(content->tensors),
                                                   std::move(content->metadata));
}

}  // namespace quantscope
