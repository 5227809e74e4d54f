// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cassert>
#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>
#include <utility>

#include "app/pipelines/cache_key.h"

namespace quantscope {

/// Results of pipeline stages by a key that is a value and names everything they depend on (tensor id, range
/// rule, scheme, kernel table, ...). Least recently used entries go first when the sum of their bytes passes
/// the limit. Only complete results enter. Not thread-safe but for computations(): the lane's thread owns it.
class ResultCache {
 public:
    explicit ResultCache(uint64_t limitBytes) : m_limit(limitBytes) {}

    /// The entry of this key, or null. T must be the type it was put in with.
    template <class T, class Key>
    [[nodiscard]] std::shared_ptr<const T> find(const Key& key) {
        const auto it = m_index.find(CacheKey(key));
        if (it == m_index.end()) return nullptr;
        m_entries.splice(m_entries.begin(), m_entries, it->second);
        assert(it->second->type == typeOf<T>());
        return std::static_pointer_cast<const T>(it->second->value);
    }

    template <class T, class Key>
    std::shared_ptr<const T> put(const Key& key, std::shared_ptr<const T> value, uint64_t bytes) {
        CacheKey own(key);
        erase(own);
        m_entries.push_front({own, value, typeOf<T>(), bytes});
        m_index.emplace(std::move(own), m_entries.begin());
        m_bytes += bytes;
        ++m_computations;
        while (m_bytes > m_limit && m_entries.size() > 1) erase(CacheKey(m_entries.back().key));
        return value;
    }

    [[nodiscard]] uint64_t bytes() const { return m_bytes; }
    [[nodiscard]] size_t size() const { return m_entries.size(); }
    /// How many results have entered so far: what was found again was not computed again.
    [[nodiscard]] uint64_t computations() const { return m_computations; }

 private:
    struct Entry {
        CacheKey key;
        std::shared_ptr<const void> value;
        const void* type;
        uint64_t bytes;
    };
    struct Hash {
        size_t operator()(const CacheKey& key) const { return key.hash(); }
    };

    template <class T>
    static const void* typeOf() {
        static const char kTag = 0;
        return &kTag;
    }

    void erase(const CacheKey& key) {
        const auto it = m_index.find(key);
        if (it == m_index.end()) return;
        m_bytes -= it->second->bytes;
        m_entries.erase(it->second);
        m_index.erase(it);
    }

    uint64_t m_limit;
    uint64_t m_bytes = 0;
    std::atomic<uint64_t> m_computations = 0;
    std::list<Entry> m_entries;
    std::unordered_map<CacheKey, std::list<Entry>::iterator, Hash> m_index;
};

}  // namespace quantscope
