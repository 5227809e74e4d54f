// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace quantscope {

static_assert(std::endian::native == std::endian::little, "file formats are read as the machine stores them");

/// Walks over bytes without ever leaving them: each take() gives nothing when too little is left, and the
/// position stays where it was.
class ByteReader {
 public:
    explicit ByteReader(std::span<const std::byte> bytes) : m_bytes(bytes) {}

    [[nodiscard]] uint64_t offset() const { return m_offset; }
    [[nodiscard]] uint64_t remaining() const { return m_bytes.size() - m_offset; }

    /// A little-endian number.
    template <class T>
    [[nodiscard]] std::optional<T> take() {
        if (remaining() < sizeof(T)) return std::nullopt;
        T value;
        std::memcpy(&value, m_bytes.data() + m_offset, sizeof(T));
        m_offset += sizeof(T);
        return value;
    }

    [[nodiscard]] std::optional<std::span<const std::byte>> takeBytes(uint64_t count) {
        if (remaining() < count) return std::nullopt;
        const auto part = m_bytes.subspan(m_offset, count);
        m_offset += count;
        return part;
    }

    [[nodiscard]] std::optional<std::string_view> takeText(uint64_t count) {
        const auto part = takeBytes(count);
        if (!part) return std::nullopt;
        return std::string_view(reinterpret_cast<const char*>(part->data()), part->size());
    }

    /// Bytes between two offsets already passed.
    [[nodiscard]] std::span<const std::byte> between(uint64_t from, uint64_t to) const {
        return m_bytes.subspan(from, to - from);
    }

 private:
    std::span<const std::byte> m_bytes;
    uint64_t m_offset = 0;
};

}  // namespace quantscope
