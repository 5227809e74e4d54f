// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <list>
#include <utility>

namespace quantscope {

/// Values by key. When they take more than a number of bytes together, the ones that were not asked for the
/// longest go; the last one asked for stays, whatever it takes.
template <class Key, class Value>
class RecentlyUsed {
 public:
    explicit RecentlyUsed(uint64_t maxBytes) : m_maxBytes(maxBytes) {}

    /// Null if it is not there. Valid until the next put().
    [[nodiscard]] const Value* find(const Key& key) {
        const auto known = std::ranges::find(m_entries, key, &Entry::key);
        if (known == m_entries.end()) return nullptr;
        m_entries.splice(m_entries.begin(), m_entries, known);
        return &m_entries.front().value;
    }
    /// In the place of what the key had.
    void put(Key key, Value value, uint64_t bytes) {
        const auto known = std::ranges::find(m_entries, key, &Entry::key);
        if (known != m_entries.end()) {
            m_bytes -= known->bytes;
            m_entries.erase(known);
        }
        m_entries.push_front({std::move(key), std::move(value), bytes});
        m_bytes += bytes;
        trim();
    }
    void setLimit(uint64_t maxBytes) {
        m_maxBytes = maxBytes;
        trim();
    }
    [[nodiscard]] uint64_t bytes() const { return m_bytes; }

 private:
    struct Entry {
        Key key;
        Value value;
        uint64_t bytes;
    };
    void trim() {
        while (m_bytes > m_maxBytes && m_entries.size() > 1) {
            m_bytes -= m_entries.back().bytes;
            m_entries.pop_back();
        }
    }

    uint64_t m_maxBytes;
    uint64_t m_bytes = 0;
    std::list<Entry> m_entries;  ///< most recently used first
};

}  // namespace quantscope
