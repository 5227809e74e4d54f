// SPDX-License-Identifier: Apache-2.0
#include "io/npz_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "io/npy_reader.h"
#include "io/utf8.h"
#include "io/zip_directory.h"

namespace quantscope {
namespace {

constexpr std::string_view kSuffix = ".npy";

using File = std::shared_ptr<const MappedFile>;

TensorLoader deflatedLoader(const File& file, const ZipMember& member, const NpyHeader& header,
                            const TensorEntry& entry) {
    return [file, member, header, entry]() -> Result<Tensor> {
        auto all = readZipMember(member, header.dataOffset + entry.bytes);
        if (!all) return fail(all.error());
        const auto data = std::span<const std::byte>(*all).subspan(header.dataOffset);
        if (header.fortranOrder) return fromFortranOrder(entry, data);
        all->erase(all->begin(), all->begin() + static_cast<int64_t>(header.dataOffset));
        return Tensor::fromBytes(entry.dtype, entry.shape, std::move(*all));
    };
}

TensorLoader storedLoader(const File& file, const ZipMember& member, const NpyHeader& header,
                          const TensorEntry& entry) {
    const uint64_t offset = member.dataOffset + header.dataOffset;
    if (!header.fortranOrder) return mappedLoader(file, entry, offset);
    return
        [file, entry, offset] { return fromFortranOrder(entry, file->bytes().subspan(offset, entry.bytes)); };
}

Result<StoredTensor> readMember(const File& file, const ZipMember& member) {
    const std::string name = member.name.substr(0, member.name.size() - kSuffix.size());
    const auto start = readZipMember(member, kMaxNpyHeaderBytes);
    if (!start) return fail(start.error());
    const auto named = [&](Error error) {
        error.field = printable(name) + ": " + error.field;
        return error;
    };
    const auto header = parseNpyHeader(*start).map_error(named);
    if (!header) return fail(header.error());
    auto entry = npyEntry(name, *header, member.uncompressedBytes - header->dataOffset).map_error(named);
    if (!entry) return fail(entry.error());
    TensorLoader load = member.deflated ? deflatedLoader(file, member, *header, *entry)
                                        : storedLoader(file, member, *header, *entry);
    return StoredTensor{std::move(*entry), std::move(load)};
}

Result<std::vector<StoredTensor>> readMembers(const File& file) {
    const auto members = readZipDirectory(file->bytes());
    if (!members) return fail(members.error());
    std::vector<StoredTensor> tensors;
    for (const ZipMember& member : *members) {
        if (member.name.ends_with("data.pkl"))
            return fail(ErrorKind::Unsupported, "a PyTorch archive (pickle), which could run code when read",
                        "format", "Convert it with safetensors.torch.save_file");
        if (!member.name.ends_with(kSuffix)) continue;
        auto tensor = readMember(file, member);
        if (!tensor) return fail(tensor.error());
        tensors.push_back(std::move(*tensor));
    }
    if (auto status = checkNames(tensors); !status) return fail(status.error());
    return tensors;
}

}  // namespace

Result<std::shared_ptr<const Checkpoint>> openNpz(const File& file) {
    auto tensors = readMembers(file);
    if (!tensors) return fail(inFile(tensors.error(), file->path().string()));
    return std::make_shared<const CheckpointTable>("npz", file->path(), std::move(*tensors), Metadata{});
}

}  // namespace quantscope
