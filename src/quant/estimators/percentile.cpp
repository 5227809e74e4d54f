// SPDX-License-Identifier: Apache-2.0
#include "quant/estimators/percentile.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/parallel_for.h"
#include "quant/blocks/block_pass.h"

namespace quantscope {
namespace {

/// Elements a thread takes at a time.
constexpr int64_t kRun = int64_t{1} << 18;
/// Threads' tables of counts, whatever the number of runs.
constexpr int64_t kTables = 16;
/// Upper halves of keys.
constexpr size_t kBuckets = size_t{1} << 16;

/// Integers in the order of the floats; both zeros are one.
uint32_t keyOf(float value) {
    const auto bits = std::bit_cast<uint32_t>(value + 0.0F);
    return bits >> 31 != 0 ? ~bits : bits | 0x8000'0000U;
}

size_t bucketOf(float value) {
    return keyOf(value) >> 16;
}

/// work(values) on the parts of rows that elements begin .. end - 1 of the block lie in.
template <class Work>
void overElements(const MatrixView& block, int64_t begin, int64_t end, const Work& work) {
    for (int64_t at = begin; at < end;) {
        const int64_t col = at % block.cols;
        const int64_t count = std::min(block.cols - col, end - at);
        work(std::span<const float>(block.row(at / block.cols) + col, static_cast<size_t>(count)));
        at += count;
    }
}

/// Two neighbours in sorted order.
struct Neighbours {
    double below = 0;
    double above = 0;
};

/// Order statistics of many values without sorting or copying them: the upper halves of their keys are
/// counted, and a value is found among those that share its upper half. Exact.
class ManyValues {
 public:
    explicit ManyValues(const MatrixView& block) : m_block(block), m_counts(kBuckets) {
        std::vector<std::vector<int64_t>> tables(kTables);
        parallelFor(kTables, 1, [&](int64_t table, int64_t) {
            std::vector<int64_t>& counts = tables[static_cast<size_t>(table)];
            counts.resize(kBuckets);
            overElements(block, block.size() * table / kTables, block.size() * (table + 1) / kTables,
                         [&counts](std::span<const float> values) {
                             for (const float value : values) ++counts[bucketOf(value)];
                         });
        });
        for (const std::vector<int64_t>& table : tables)
            for (size_t i = 0; i < kBuckets; ++i) m_counts[i] += table[i];
    }
    [[nodiscard]] int64_t size() const { return m_block.size(); }
    [[nodiscard]] Neighbours at(int64_t rank) const {
        return {valueAt(rank), valueAt(std::min(rank + 1, size() - 1))};
    }

 private:
    [[nodiscard]] double valueAt(int64_t rank) const {
        size_t bucket = 0;
        while (rank >= m_counts[bucket]) rank -= m_counts[bucket++];
        std::vector<float> members = membersOf(bucket);
        const auto nth = members.begin() + static_cast<std::ptrdiff_t>(rank);
        std::nth_element(members.begin(), nth, members.end());
        return static_cast<double>(*nth);
    }
    [[nodiscard]] std::vector<float> membersOf(size_t bucket) const {
        return parallelReduce<std::vector<float>>(
            size(), kRun,
            [&](int64_t begin, int64_t end) {
                std::vector<float> members;
                overElements(m_block, begin, end, [&](std::span<const float> values) {
                    for (const float value : values)
                        if (bucketOf(value) == bucket) members.push_back(value);
                });
                return members;
            },
            [](std::vector<float>& all, const std::vector<float>& part) {
                all.insert(all.end(), part.begin(), part.end());
            });
    }

    const MatrixView& m_block;
    std::vector<int64_t> m_counts;
};

/// The same for few values.
class FewValues {
 public:
    explicit FewValues(const MatrixView& block) : m_values(blockValues(block)) {}
    [[nodiscard]] int64_t size() const { return std::ssize(m_values); }
    /// Near the ends, where percentiles that clip lie, a few of the largest or smallest are enough.
    [[nodiscard]] Neighbours at(int64_t rank) {
        const int64_t above = std::min(rank + 1, size() - 1);
        if (size() - rank <= kNear) {
            std::partial_sort(m_values.begin(), m_values.begin() + (size() - rank), m_values.end(),
                              std::greater<>());
            return {valueAt(size() - 1 - rank), valueAt(size() - 1 - above)};
        }
        if (above < kNear)
            std::partial_sort(m_values.begin(), m_values.begin() + above + 1, m_values.end());
        else
            std::nth_element(m_values.begin(), m_values.begin() + rank, m_values.end());
        if (above >= kNear)
            std::iter_swap(m_values.begin() + above,
                           std::min_element(m_values.begin() + above, m_values.end()));
        return {valueAt(rank), valueAt(above)};
    }

 private:
    static constexpr int64_t kNear = 5;
    [[nodiscard]] double valueAt(int64_t i) const {
        return static_cast<double>(m_values[static_cast<size_t>(i)]);
    }

    std::vector<float> m_values;
};

/// NumPy's "linear" interpolation, from the nearer end.
template <class Values>
float percentileOf(Values& values, double percent) {
    const double position = percent / 100 * static_cast<double>(values.size() - 1);
    const auto rank = static_cast<int64_t>(position);
    const double fraction = position - static_cast<double>(rank);
    const auto [a, b] = values.at(rank);
    return static_cast<float>(fraction < 0.5 ? a + (b - a) * fraction : b - (b - a) * (1 - fraction));
}

template <class Values>
Range rangeOf(Values values, const Scheme& scheme) {
    return {percentileOf(values, scheme.percentileLow), percentileOf(values, scheme.percentileHigh), false};
}

}  // namespace

Range percentileRange(const MatrixView& block, const Scheme& scheme) {
    return block.size() > kRun ? rangeOf(ManyValues(block), scheme) : rangeOf(FewValues(block), scheme);
}

}  // namespace quantscope
