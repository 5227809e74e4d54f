// SPDX-License-Identifier: Apache-2.0
#include "io/zip_directory.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "io/byte_reader.h"
#include "io/data_layout.h"
#include "io/utf8.h"

namespace quantscope {
namespace {

constexpr uint32_t kLocalMark = 0x04034b50;
constexpr uint32_t kCentralMark = 0x02014b50;
constexpr uint32_t kEndMark = 0x06054b50;
constexpr uint32_t kEnd64Mark = 0x06064b50;
constexpr uint32_t kLocator64Mark = 0x07064b50;
constexpr uint64_t kEndBytes = 22;
constexpr uint64_t kLocatorBytes = 20;
constexpr uint64_t kCentralBytes = 46;
constexpr uint64_t kMaxRatio = 1032;  // what deflate can reach
constexpr uint32_t kIn64 = 0xFFFFFFFF;

tl::unexpected<Error> malformed(std::string message, std::string field) {
    return fail(ErrorKind::Malformed, std::move(message), std::move(field),
                "Write the file again with numpy.savez");
}

using Bytes = std::span<const std::byte>;

/// Where the central directory lies.
struct Directory {
    uint64_t offset = 0;
    uint64_t count = 0;
};

/// A structure of `count` bytes at `offset`, or nothing.
std::optional<ByteReader> at(Bytes file, uint64_t offset, uint64_t count) {
    if (offset > file.size() || count > file.size() - offset) return std::nullopt;
    return ByteReader(file.subspan(offset, count));
}

/// The end record lies at the very end, before a comment of up to 65,535 bytes.
std::optional<uint64_t> findEnd(Bytes file) {
    if (file.size() < kEndBytes) return std::nullopt;
    const uint64_t last = file.size() - kEndBytes;
    const uint64_t first = last > 65535 ? last - 65535 : 0;
    for (uint64_t offset = last + 1; offset-- > first;) {
        if (*at(file, offset, 4)->take<uint32_t>() == kEndMark) return offset;
    }
    return std::nullopt;
}

Result<Directory> readEnd64(Bytes file, uint64_t end) {
    auto locator = end < kLocatorBytes ? std::nullopt : at(file, end - kLocatorBytes, kLocatorBytes);
    if (!locator || *locator->take<uint32_t>() != kLocator64Mark)
        return malformed("the Zip64 locator is missing", "directory");
    (void)locator->take<uint32_t>();
    auto record = at(file, *locator->take<uint64_t>(), 56);
    if (!record || *record->take<uint32_t>() != kEnd64Mark)
        return malformed("the Zip64 end record is missing", "directory");
    (void)record->takeBytes(8 + 2 + 2 + 4 + 4 + 8);
    const uint64_t count = *record->take<uint64_t>();
    (void)record->take<uint64_t>();
    return Directory{*record->take<uint64_t>(), count};
}

Result<Directory> findDirectory(Bytes file) {
    const auto end = findEnd(file);
    if (!end) return malformed("the archive's end record is missing; the file is cut off", "directory");
    ByteReader in = *at(file, *end, kEndBytes);
    (void)in.take<uint32_t>();
    const uint16_t disk = *in.take<uint16_t>();
    const uint16_t directoryDisk = *in.take<uint16_t>();
    (void)in.take<uint16_t>();
    const uint16_t count = *in.take<uint16_t>();
    const uint32_t bytes = *in.take<uint32_t>();
    const uint32_t offset = *in.take<uint32_t>();
    if (count == 0xFFFF || bytes == kIn64 || offset == kIn64) return readEnd64(file, *end);
    if (disk != 0 || directoryDisk != 0)
        return fail(ErrorKind::Unsupported, "an archive in parts", "directory", "Join the parts first");
    return Directory{offset, count};
}

/// One line of the central directory.
struct CentralEntry {
    std::string name;
    uint16_t flags = 0;
    uint16_t method = 0;
    uint64_t compressed = 0;
    uint64_t uncompressed = 0;
    uint64_t localOffset = 0;
};

/// Sizes that do not fit 32 bits stand in extra field 1, in this order, only those that are marked.
Status applyZip64(CentralEntry& entry, Bytes extra) {
    ByteReader in(extra);
    for (;;) {
        const auto id = in.take<uint16_t>();
        const auto size = in.take<uint16_t>();
        const auto body = size ? in.takeBytes(*size) : std::nullopt;
        if (!id || !body) break;
        if (*id != 1) continue;
        ByteReader values(*body);
        for (uint64_t* value : {&entry.uncompressed, &entry.compressed, &entry.localOffset}) {
            if (*value != kIn64) continue;
            const auto wide = values.take<uint64_t>();
            if (!wide) return malformed("its Zip64 sizes are missing", printable(entry.name));
            *value = *wide;
        }
        return {};
    }
    return {};
}

Result<CentralEntry> readCentral(ByteReader& in) {
    const auto fixed = in.takeBytes(kCentralBytes);
    if (!fixed) return malformed("the directory ends too early", "directory");
    ByteReader head(*fixed);
    if (*head.take<uint32_t>() != kCentralMark) return malformed("not a directory entry", "directory");
    (void)head.takeBytes(4);
    CentralEntry entry;
    entry.flags = *head.take<uint16_t>();
    entry.method = *head.take<uint16_t>();
    (void)head.takeBytes(8);  // time, date, CRC
    entry.compressed = *head.take<uint32_t>();
    entry.uncompressed = *head.take<uint32_t>();
    const uint16_t nameBytes = *head.take<uint16_t>();
    const uint16_t extraBytes = *head.take<uint16_t>();
    const uint16_t commentBytes = *head.take<uint16_t>();
    (void)head.takeBytes(8);  // disk, attributes
    entry.localOffset = *head.take<uint32_t>();
    const auto name = in.takeText(nameBytes);
    const auto extra = in.takeBytes(extraBytes);
    if (!name || !extra || !in.takeBytes(commentBytes))
        return malformed("the directory ends too early", "directory");
    entry.name = *name;
    if (auto status = applyZip64(entry, *extra); !status) return fail(status.error());
    return entry;
}

Result<ZipMember> locate(Bytes file, const CentralEntry& entry) {
    const std::string field = printable(entry.name);
    if ((entry.flags & 1U) != 0)
        return fail(ErrorKind::Unsupported, "encrypted", field, "Unpack the archive first");
    if (entry.method != 0 && entry.method != 8)
        return fail(ErrorKind::Unsupported, fmt::format("compression method {}", entry.method), field,
                    "Write the file again with numpy.savez_compressed");
    auto local = at(file, entry.localOffset, 30);
    if (!local || *local->take<uint32_t>() != kLocalMark)
        return malformed("its local header lies outside the file or is damaged", field);
    (void)local->takeBytes(22);
    const uint64_t skip = uint64_t{30} + *local->take<uint16_t>() + *local->take<uint16_t>();
    // localOffset + 30 lies inside the file, so this sum is far from overflow.
    const uint64_t offset = entry.localOffset + skip;
    if (!at(file, offset, entry.compressed))
        return malformed("its data lies past the end of the file", field);
    const bool deflated = entry.method == 8;
    const bool plausible = deflated ? entry.uncompressed / kMaxRatio <= entry.compressed
                                    : entry.uncompressed == entry.compressed;
    if (!plausible) return malformed("its sizes contradict each other", field);
    return ZipMember{entry.name, deflated, entry.uncompressed, offset,
                     file.subspan(offset, entry.compressed)};
}

}  // namespace

Result<std::vector<ZipMember>> readZipDirectory(Bytes file) {
    const auto directory = findDirectory(file);
    if (!directory) return fail(directory.error());
    if (directory->offset > file.size() ||
        directory->count > (file.size() - directory->offset) / kCentralBytes)
        return malformed("the directory lies outside the file", "directory");
    ByteReader in(file.subspan(directory->offset));
    std::vector<ZipMember> members;
    std::vector<Extent> extents;
    for (uint64_t i = 0; i < directory->count; ++i) {
        const auto entry = readCentral(in);
        if (!entry) return fail(entry.error());
        auto member = locate(file, *entry);
        if (!member) return fail(member.error());
        extents.push_back({member->dataOffset, member->data.size(), members.size()});
        members.push_back(std::move(*member));
    }
    if (const auto pair = firstOverlap(extents))
        return malformed("its data overlaps that of another member", printable(members[pair->second].name));
    return members;
}

Result<std::vector<std::byte>> readZipMember(const ZipMember& member, uint64_t count) {
    count = std::min(count, member.uncompressedBytes);
    if (!member.deflated)
        return std::vector(member.data.begin(), member.data.begin() + static_cast<int64_t>(count));
    std::vector<std::byte> out(count);
    z_stream stream{};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return fail(ErrorKind::OutOfMemory, "zlib cannot start");
    // zlib counts in 32 bits: both sides are fed in parts.
    constexpr uint64_t kPart = 1U << 30U;
    uint64_t consumed = 0;
    uint64_t produced = 0;
    int code = Z_OK;
    while (produced < count && code == Z_OK) {
        const uint64_t give = std::min(kPart, member.data.size() - consumed);
        const uint64_t room = std::min(kPart, count - produced);
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(member.data.data() + consumed));
        stream.avail_in = static_cast<uInt>(give);
        stream.next_out = reinterpret_cast<Bytef*>(out.data() + produced);
        stream.avail_out = static_cast<uInt>(room);
        code = inflate(&stream, Z_NO_FLUSH);
        consumed += give - stream.avail_in;
        produced += room - stream.avail_out;
    }
    inflateEnd(&stream);
    if (produced != count)
        return malformed("its compressed data is damaged or too short", printable(member.name));
    return out;
}

}  // namespace quantscope
