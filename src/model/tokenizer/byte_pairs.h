// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace quantscope {

/// Lets unordered_map<string, ...> be searched with a string_view.
struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
using TextIndex = std::unordered_map<std::string, int32_t, TextHash, std::equal_to<>>;

/// What two neighbouring tokens become, and how early.
struct Merge {
    int32_t rank = 0;  ///< smaller merges first; equal ranks from the left
    int32_t token = -1;
};

/// The merge table of a byte-pair encoding.
class MergeTable {
 public:
    void reserve(size_t count) { m_merges.reserve(count); }
    /// The first entry of a pair wins.
    void add(int32_t left, int32_t right, Merge merge) { m_merges.try_emplace(key(left, right), merge); }
    [[nodiscard]] const Merge* find(int32_t left, int32_t right) const {
        const auto found = m_merges.find(key(left, right));
        return found == m_merges.end() ? nullptr : &found->second;
    }

    /// Merges in place until no pair of neighbours is in the table: always the smallest rank, leftmost first.
    /// O(n log n); texts without word boundaries may be millions of symbols long.
    void apply(std::vector<int32_t>& symbols) const;

 private:
    struct Mix {  // the keys are two small numbers side by side; the identity hash would collide in runs
        size_t operator()(uint64_t key) const {
            key *= 0x9E3779B97F4A7C15ULL;
            return key ^ (key >> 32);
        }
    };
    static uint64_t key(int32_t left, int32_t right) {
        return (static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32) | static_cast<uint32_t>(right);
    }
    void applyShort(std::vector<int32_t>& symbols) const;
    void applyLong(std::vector<int32_t>& symbols) const;

    std::unordered_map<uint64_t, Merge, Mix> m_merges;
};

}  // namespace quantscope
