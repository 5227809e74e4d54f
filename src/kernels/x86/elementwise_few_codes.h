// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/x86/elementwise_groups.h"
#include "kernels/x86/elementwise_scan.h"

// Counting the codes of a grid with few levels: each level is compared with a vector of byte-wide codes,
// which takes a fraction of the time of one increment an element, and the histogram of r^ follows from the
// counts. See elementwise_groups.h for what V is.

namespace quantscope::elementwise {

/// The limits of a histogram, spread over the lanes.
template <class V>
struct BinVectors {
    typename V::F low, perUnit, last, nowhere;

    explicit BinVectors(const BinCounters& bins)
        : low(V::set(bins.low)),
          perUnit(V::set(bins.perUnit)),
          last(V::set(static_cast<float>(bins.bins - 1))),
          nowhere(V::set(static_cast<float>(bins.bins))) {}
    typename V::I index(typename V::F x) const { return binVector<V>(x, low, perUnit, last, nowhere); }
};

/// Level counts of one group. A code adds 1 to its nibble of a 64-bit word, which holds sixteen of them.
template <class V>
class FewCodes {
 public:
    static constexpr int kMostLevels = 16;
    /// put() may follow another so often before add(): nibbles count to 15, and each call may add 2 to one.
    static constexpr int kMostPuts = 7;

    /// Whether `length` elements of `levels` codes are counted faster this way.
    static bool pays(int64_t levels, int64_t length) { return levels <= kMostLevels && length >= 2 * levels; }

    explicit FewCodes(int levels) : m_levels(levels) {
        for (uint32_t& count : m_counts) count = 0;
    }

    /// The first `lanes` of `codes`, which are from 0 on.
    void put(typename V::F codes, int lanes) {
        const typename V::F none = V::set(static_cast<float>(kMostLevels));
        V::addToNibbles(m_nibbles, V::toInt(lanes == V::kLanes ? codes : V::firstLanes(codes, none, lanes)));
    }
    /// Empties the nibbles into the counts.
    void add() {
        V::addNibbles(m_counts, m_nibbles);
        m_nibbles = typename V::I{};
    }
    /// Adds the counts to those of the codes, and to the bins of their r^.
    [[gnu::always_inline]] void store(const MeasureSinks& sinks, const Group<V>& group,
                                      const Shared<V>& shared) const {
        if (uint32_t* const counts = sinks.codes.counts; counts != nullptr)
            for (int level = 0; level < m_levels; ++level) counts[level] += m_counts[level];
        if (sinks.values.counters.counts == nullptr) return;
        const BinVectors<V> bins(sinks.values);
        alignas(64) int32_t index[kMostLevels];
        typename V::F code = V::add(shared.codeMin, V::running());
        for (int level = 0; level < m_levels; level += V::kLanes) {
            V::storeInt(index + level, bins.index(group.value(code, shared)));
            code = V::add(code, V::set(static_cast<float>(V::kLanes)));
        }
        uint32_t* const counts = sinks.values.counters.counts;
        for (int level = 0; level < m_levels; ++level) counts[index[level]] += m_counts[level];
    }

 private:
    alignas(64) uint32_t m_counts[kMostLevels];
    typename V::I m_nibbles{};
    int m_levels;
};

}  // namespace quantscope::elementwise
