// SPDX-License-Identifier: Apache-2.0
#include "io/npy_reader.h"

#include <fmt/format.h>

#include <array>
#include <cassert>
#include <cstring>

#include "io/utf8.h"

namespace quantscope {
namespace {

/// Copies elements of a fixed size: C order out, Fortran order in.
void transpose(const std::byte* in, std::byte* out, const Shape& shape, size_t elementBytes) {
    assert(shape.size() <= kMaxNpyDims);
    std::array<int64_t, kMaxNpyDims> stride{};  // in elements, of the input
    int64_t step = 1;
    for (size_t d = 0; d < shape.size(); ++d) {
        stride[d] = step;
        step *= shape[d];
    }
    std::array<int64_t, kMaxNpyDims> index{};
    int64_t at = 0;
    for (int64_t i = 0; i < step; ++i) {
        std::memcpy(out + static_cast<size_t>(i) * elementBytes, in + static_cast<size_t>(at) * elementBytes,
                    elementBytes);
        for (size_t d = shape.size(); d-- > 0;) {
            at += stride[d];
            if (++index[d] < shape[d]) break;
            at -= stride[d] * shape[d];
            index[d] = 0;
        }
    }
}

Result<std::shared_ptr<const Checkpoint>> open(const std::shared_ptr<const MappedFile>& file) {
    const auto bytes = file->bytes();
    const auto header = parseNpyHeader(bytes);
    if (!header) return fail(header.error());
    const std::string stem = file->path().stem().string();
    const uint64_t offset = header->dataOffset;
    auto entry = npyEntry(isCleanName(stem) ? stem : "array", *header, bytes.size() - offset);
    if (!entry) return fail(entry.error());
    TensorLoader load = mappedLoader(file, *entry, offset);
    if (header->fortranOrder) {
        load = [file, copy = *entry, offset] {
            return fromFortranOrder(copy, file->bytes().subspan(offset, copy.bytes));
        };
    }
    std::vector<StoredTensor> tensors;
    tensors.push_back({std::move(*entry), std::move(load)});
    return std::make_shared<const CheckpointTable>("npy", file->path(), std::move(tensors), Metadata{});
}

}  // namespace

Result<TensorEntry> npyEntry(std::string name, const NpyHeader& header, uint64_t dataBytes) {
    TensorEntry entry{std::move(name), DType::U8, header.shape, dataBytes, {}};
    if (!header.dtype) {
        entry.unsupportedType = header.descr;
        return entry;
    }
    entry.dtype = *header.dtype;
    const auto needed = bytesNeeded(entry.dtype, entry.shape);
    if (!needed) return fail(needed.error());
    if (*needed > dataBytes)
        return fail(ErrorKind::Malformed,
                    fmt::format("{} of {} needs {} bytes, the file has {}", describe(entry.shape),
                                header.descr, *needed, dataBytes),
                    "shape", "Write the file again with numpy.save");
    entry.bytes = *needed;
    return entry;
}

Result<Tensor> fromFortranOrder(const TensorEntry& entry, std::span<const std::byte> data) {
    std::vector<std::byte> out(data.size());
    if (!data.empty())
        transpose(data.data(), out.data(), entry.shape, static_cast<size_t>(infoOf(entry.dtype).blockBytes));
    return Tensor::fromBytes(entry.dtype, entry.shape, std::move(out));
}

Result<std::shared_ptr<const Checkpoint>> openNpy(const std::shared_ptr<const MappedFile>& file) {
    return open(file).map_error([&](Error e) { return inFile(std::move(e), file->path().string()); });
}

}  // namespace quantscope
