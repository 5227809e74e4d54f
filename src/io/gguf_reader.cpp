// SPDX-License-Identifier: Apache-2.0
#include "io/gguf_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "io/data_layout.h"
#include "io/gguf_types.h"
#include "io/utf8.h"

namespace quantscope {
namespace {

constexpr const char* kFix = "Download or convert the file again";

tl::unexpected<Error> malformed(std::string message, const std::string& tensor) {
    return fail(ErrorKind::Malformed, std::move(message), printable(tensor), kFix);
}

/// Bytes of a tensor of a ggml type, whether or not it can be decoded.
Result<uint64_t> storedBytes(const GgmlType& type, const GgufTensorInfo& info) {
    const auto count = bytesNeeded(DType::U8, info.shape);
    if (!count) return malformed(count.error().message, info.name);
    const auto last = static_cast<uint64_t>(info.shape.empty() ? 1 : info.shape.back());
    if (last % type.blockElements != 0)
        return malformed(fmt::format("the last dimension {} is not a multiple of {}'s block of {}", last,
                                     type.name, type.blockElements),
                         info.name);
    return *count / type.blockElements * type.blockBytes;
}

/// Finds where the tensors lie. Types with unknown numbers take all the room up to the next tensor.
class LayoutReader {
 public:
    LayoutReader(const GgufDirectory& directory, uint64_t fileBytes)
        : m_directory(directory),
          m_dataBytes(fileBytes > directory.dataOffset ? fileBytes - directory.dataOffset : 0) {
        for (const GgufTensorInfo& info : directory.tensors) m_starts.push_back(info.offset);
        std::sort(m_starts.begin(), m_starts.end());
    }

    Result<TensorEntry> entryOf(const GgufTensorInfo& info) const {
        TensorEntry entry{info.name, DType::U8, info.shape, 0, {}};
        if (info.offset % m_directory.alignment != 0)
            return malformed(fmt::format("offset {} is not a multiple of the alignment {}", info.offset,
                                         m_directory.alignment),
                             info.name);
        if (info.offset > m_dataBytes) return pastEnd(info, 0);
        if (const GgmlType* type = ggmlType(info.type)) {
            const auto bytes = storedBytes(*type, info);
            if (!bytes) return fail(bytes.error());
            if (*bytes > m_dataBytes - info.offset) return pastEnd(info, *bytes);
            entry.bytes = *bytes;
            if (type->dtype) entry.dtype = *type->dtype;
            if (!type->dtype) entry.unsupportedType = type->name;
        } else {
            if (const auto count = bytesNeeded(DType::U8, info.shape); !count)
                return malformed(count.error().message, info.name);
            const auto next = std::upper_bound(m_starts.begin(), m_starts.end(), info.offset);
            entry.bytes = (next == m_starts.end() ? m_dataBytes : std::min(*next, m_dataBytes)) - info.offset;
            entry.unsupportedType = fmt::format("ggml type {}", info.type);
        }
        return entry;
    }

 private:
    tl::unexpected<Error> pastEnd(const GgufTensorInfo& info, uint64_t bytes) const {
        return malformed(
            fmt::format("its data ({} bytes at {}) lies past the end of the file's data ({} bytes)", bytes,
                        info.offset, m_dataBytes),
            info.name);
    }

    const GgufDirectory& m_directory;
    uint64_t m_dataBytes;
    std::vector<uint64_t> m_starts;
};

Result<std::vector<StoredTensor>> placeTensors(const std::shared_ptr<const MappedFile>& file,
                                               const GgufDirectory& directory) {
    const LayoutReader layout(directory, file->bytes().size());
    std::vector<StoredTensor> tensors;
    std::vector<Extent> extents;
    for (const GgufTensorInfo& info : directory.tensors) {
        auto entry = layout.entryOf(info);
        if (!entry) return fail(entry.error());
        extents.push_back({info.offset, entry->bytes, tensors.size()});
        // An empty tensor may be said to lie just behind the last byte, where the file has none.
        const uint64_t offset = entry->bytes == 0 ? 0 : directory.dataOffset + info.offset;
        TensorLoader load = mappedLoader(file, *entry, offset);
        tensors.push_back({std::move(*entry), std::move(load)});
    }
    if (auto status = checkNames(tensors); !status) return fail(status.error());
    if (const auto pair = firstOverlap(extents))
        return malformed(
            fmt::format("its data overlaps that of {}", printable(tensors[pair->first].entry.name)),
            tensors[pair->second].entry.name);
    return tensors;
}

}  // namespace

GgufCheckpoint::GgufCheckpoint(std::shared_ptr<const MappedFile> file, GgufDirectory directory,
                               std::vector<StoredTensor> tensors)
    : CheckpointTable(fmt::format("GGUF v{}", directory.version), file->path(), std::move(tensors),
                      std::move(directory.metadata)),
      m_file(std::move(file)),
      m_keyValues(std::move(directory.keyValues)),
      m_infos(std::move(directory.tensors)),
      m_alignment(directory.alignment),
      m_dataOffset(directory.dataOffset) {}

GgufRawTensor GgufCheckpoint::raw(size_t index) const {
    const uint64_t bytes = tensors()[index].bytes;
    const GgufTensorInfo& info = m_infos.at(index);
    if (bytes == 0) return {info.type, {}};
    return {info.type, m_file->bytes().subspan(m_dataOffset + info.offset, bytes)};
}

Result<std::shared_ptr<const Checkpoint>> openGguf(std::shared_ptr<const MappedFile> file) {
    auto directory = parseGguf(file->bytes());
    if (!directory) return fail(inFile(directory.error(), file->path().string()));
    auto tensors = placeTensors(file, *directory);
    if (!tensors) return fail(inFile(tensors.error(), file->path().string()));
    return std::make_shared<const GgufCheckpoint>(std::move(file), std::move(*directory),
                                                  std::move(*tensors));
}

}  // namespace quantscope
