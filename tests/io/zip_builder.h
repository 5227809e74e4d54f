// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <zlib.h>

#include <stdexcept>
#include <vector>

#include "file_builder.h"

namespace quantscope::test {

/// A member of an archive to build; the fields after `data` can be set wrong on purpose.
struct ZipSource {
    std::string name;
    std::string data;
    bool deflate = false;
    uint16_t flags = 0;
    int method = -1;             ///< -1: what `deflate` says
    int64_t claimedSize = -1;    ///< uncompressed size to write, -1: the true one
    int64_t claimedOffset = -1;  ///< position of the local header to write
};

inline std::string deflated(const std::string& data) {
    std::string out(compressBound(data.size()) + 64, '\0');
    z_stream stream{};
    if (deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::runtime_error("deflate");
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
    stream.avail_in = static_cast<uInt>(data.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    if (::deflate(&stream, Z_FINISH) != Z_STREAM_END) throw std::runtime_error("deflate");
    out.resize(out.size() - stream.avail_out);
    deflateEnd(&stream);
    return out;
}

/// A zip archive without checksums (the reader does not need them).
inline Bytes zipFile(const std::vector<ZipSource>& members) {
    Bytes out;
    Bytes directory;
    for (const ZipSource& m : members) {
        const auto offset = static_cast<uint32_t>(
            m.claimedOffset >= 0 ? m.claimedOffset : static_cast<int64_t>(out.str().size()));
        const std::string stored = m.deflate ? deflated(m.data) : m.data;
        const auto method = static_cast<uint16_t>(m.method >= 0 ? m.method : (m.deflate ? 8 : 0));
        const auto size =
            static_cast<uint32_t>(m.claimedSize >= 0 ? m.claimedSize : static_cast<int64_t>(m.data.size()));
        const auto compressed = static_cast<uint32_t>(stored.size());
        const auto nameBytes = static_cast<uint16_t>(m.name.size());
        out.put(0x04034b50U).put(uint16_t{20}).put(m.flags).put(method).put(0U).put(0U).put(compressed);
        out.put(size).put(nameBytes).put(uint16_t{0}).raw(m.name).raw(stored);
        directory.put(0x02014b50U)
            .put(uint16_t{20})
            .put(uint16_t{20})
            .put(m.flags)
            .put(method)
            .put(0U)
            .put(0U);
        directory.put(compressed).put(size).put(nameBytes).put(uint16_t{0}).put(uint16_t{0});
        directory.put(uint16_t{0}).put(uint16_t{0}).put(0U).put(offset).raw(m.name);
    }
    const auto start = static_cast<uint32_t>(out.str().size());
    const auto count = static_cast<uint16_t>(members.size());
    out.raw(directory.str()).put(0x06054b50U).put(0U).put(count).put(count);
    return out.put(static_cast<uint32_t>(directory.str().size())).put(start).put(uint16_t{0});
}

}  // namespace quantscope::test
