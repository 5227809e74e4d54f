// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/byte_pairs.h"

#include <queue>

namespace quantscope {
namespace {

/// Below this many symbols scanning all pairs is cheaper than a queue.
constexpr size_t kShort = 24;

struct Candidate {
    int32_t rank;
    int32_t at;    // index of the left symbol
    int32_t left;  // what the two were when the candidate was made
    int32_t right;
    int32_t token;
    bool operator>(const Candidate& other) const {
        return rank != other.rank ? rank > other.rank : at > other.at;
    }
};

}  // namespace

void MergeTable::apply(std::vector<int32_t>& symbols) const {
    if (symbols.size() < 2) return;
    if (symbols.size() <= kShort) {
        applyShort(symbols);
    } else {
        applyLong(symbols);
    }
}

void MergeTable::applyShort(std::vector<int32_t>& symbols) const {
    while (symbols.size() > 1) {
        const Merge* best = nullptr;
        size_t at = 0;
        for (size_t i = 0; i + 1 < symbols.size(); ++i) {
            const Merge* merge = find(symbols[i], symbols[i + 1]);
            if (merge && (!best || merge->rank < best->rank)) {
                best = merge;
                at = i;
            }
        }
        if (!best) return;
        symbols[at] = best->token;
        symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    }
}

void MergeTable::applyLong(std::vector<int32_t>& symbols) const {
    const auto count = static_cast<int32_t>(symbols.size());
    std::vector<int32_t> next(symbols.size());
    std::vector<int32_t> previous(symbols.size());
    std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
    const auto symbolAt = [&](int32_t i) -> int32_t& { return symbols[static_cast<size_t>(i)]; };
    const auto offer = [&](int32_t left) {
        const int32_t right = next[static_cast<size_t>(left)];
        if (right >= count) return;
        if (const Merge* merge = find(symbolAt(left), symbolAt(right))) {
            queue.push({merge->rank, left, symbolAt(left), symbolAt(right), merge->token});
        }
    };
    for (int32_t i = 0; i < count; ++i) {
        next[static_cast<size_t>(i)] = i + 1;
        previous[static_cast<size_t>(i)] = i - 1;
    }
    for (int32_t i = 0; i + 1 < count; ++i) offer(i);
    while (!queue.empty()) {
        const Candidate candidate = queue.top();
        queue.pop();
        if (symbolAt(candidate.at) != candidate.left) continue;  // merged away or changed since
        const int32_t right = next[static_cast<size_t>(candidate.at)];
        if (right >= count || symbolAt(right) != candidate.right) continue;
        symbolAt(candidate.at) = candidate.token;
        symbolAt(right) = -1;
        const int32_t after = next[static_cast<size_t>(right)];
        next[static_cast<size_t>(candidate.at)] = after;
        if (after < count) previous[static_cast<size_t>(after)] = candidate.at;
        if (previous[static_cast<size_t>(candidate.at)] >= 0)
            offer(previous[static_cast<size_t>(candidate.at)]);
        offer(candidate.at);
    }
    std::erase(symbols, -1);
}

}  // namespace quantscope
