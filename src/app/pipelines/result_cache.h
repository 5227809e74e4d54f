// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cassert>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

namespace quantscope {

/// Results of pipeline stages by a text key that names everything they depend on (tensor id, range rule,
/// scheme, ...). Least recently used entries go first when the sum of their bytes passes the limit. Only
/// complete results enter. Not thread-safe: the lane's thread owns it.
class ResultCache {
 public:
    explicit ResultCache(uint64_t limitBytes) : m_limit(limitBytes) {}

    /// The entry of this key, or null. T must be the type it was put in with.
    template <class T>
    [[nodiscard]] std::shared_ptr<const T> find(const std::string& key) {
        const auto it = m_index.find(key);
        if (it == m_index.end()) return nullptr;
        m_entries.splice(m_entries.begin(), m_entries, it->second);
        assert(it->second->type == typeOf<T>());
        return std::static_pointer_cast<const T>(it->second->value);
    }

    template <class T>
    std::shared_ptr<const T> put(const std::string& key, std::shared_ptr<const T> value, uint64_t bytes) {
        erase(key);
        m_entries.push_front({key, value, typeOf<T>(), bytes});
        m_index[key] = m_entries.begin();
        m_bytes += bytes;
        while (m_bytes > m_limit && m_entries.size() > 1) erase(std::string(m_entries.back().key));
        return value;
    }

    [[nodiscard]] uint64_t bytes() const { return m_bytes; }
    [[nodiscard]] size_t size() const { return m_entries.size(); }

 private:
    struct Entry {
        std::string key;
        std::shared_ptr<const void> value;
        const void* type;
        uint64_t bytes;
    };

    template <class T>
    static const void* typeOf() {
        static const char kTag = 0;
        return &kTag;
    }

    void erase(const std::string& key) {
        const auto it = m_index.find(key);
        if (it == m_index.end()) return;
        m_bytes -= it->second->bytes;
        m_entries.erase(it->second);
        m_index.erase(it);
    }

    uint64_t m_limit;
    uint64_t m_bytes = 0;
    std::list<Entry> m_entries;
    std::map<std::string, std::list<Entry>::iterator> m_index;
};

}  // namespace quantscope
