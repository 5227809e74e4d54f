// SPDX-License-Identifier: Apache-2.0
#include "methods/parts/codeword_search.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "numerics/linear_algebra.h"

namespace quantscope {
namespace {

constexpr int64_t kPadding = 16;  ///< floats of the widest vector
constexpr float kInfinity = std::numeric_limits<float>::infinity();

constexpr int64_t padded(int64_t count, int64_t to) {
    return (count + to - 1) / to * to;
}

struct Lanes {
    const float* words;    ///< [dim][stride]
    const float* offsets;  ///< [stride]
    int64_t dim;
    int64_t stride;
};

template <int Bytes>
struct Vectors {
    using Floats = typename VectorOf<float, Bytes>::Type;
    using Ints = typename VectorOf<int32_t, Bytes>::Type;
    static constexpr int64_t kLanes = Bytes / 4;

    [[gnu::always_inline]] static inline Floats load(const float* from) {
        Floats v{};
        std::memcpy(&v, from, sizeof v);
        return v;
    }
    [[gnu::always_inline]] static inline Ints count() {
        Ints v{};
        for (int i = 0; i < kLanes; ++i) v[i] = i;
        return v;
    }
    /// The lowest index of the least value.
    [[gnu::always_inline]] static inline int32_t first(const Floats& least, const Ints& at) {
        std::array<float, kLanes> values{};
        std::array<int32_t, kLanes> places{};
        std::memcpy(values.data(), &least, sizeof least);
        std::memcpy(places.data(), &at, sizeof at);
        float low = values[0];
        int32_t index = places[0];
        for (size_t i = 1; i < values.size(); ++i)
            if (values[i] < low || (values[i] == low && places[i] < index)) {
                low = values[i];
                index = places[i];
            }
        return index;
    }
};

/// The nearest words of `Points` points at a time: a coordinate of the words is loaded once for all of them.
template <int Bytes, int Points>
[[gnu::always_inline]] inline void nearestOf(const Lanes& lanes, const float* points, int32_t* best) {
    using V = Vectors<Bytes>;
    typename V::Floats least[Points];
    typename V::Ints at[Points];
    for (int p = 0; p < Points; ++p) {
        least[p] = typename V::Floats{} + kInfinity;
        at[p] = typename V::Ints{};
    }
    typename V::Ints index = V::count();
    for (int64_t k = 0; k < lanes.stride; k += V::kLanes) {
        typename V::Floats scores[Points];
        for (int p = 0; p < Points; ++p) scores[p] = V::load(lanes.offsets + k);
        for (int64_t d = 0; d < lanes.dim; ++d) {
            const typename V::Floats words = V::load(lanes.words + d * lanes.stride + k);
            for (int p = 0; p < Points; ++p) scores[p] -= points[p * lanes.dim + d] * words;
        }
        for (int p = 0; p < Points; ++p) {
            const typename V::Ints less = scores[p] < least[p];
            least[p] = less ? scores[p] : least[p];
            at[p] = less ? index : at[p];
        }
        index += static_cast<int32_t>(V::kLanes);
    }
    for (int p = 0; p < Points; ++p) best[p] = V::first(least[p], at[p]);
}

template <int Bytes>
[[gnu::always_inline]] inline void nearestBody(const Lanes& lanes, const float* points,
                                               std::span<int32_t> best) {
    size_t i = 0;
    for (; i + 4 <= best.size(); i += 4)
        nearestOf<Bytes, 4>(lanes, points + static_cast<int64_t>(i) * lanes.dim, best.data() + i);
    for (; i < best.size(); ++i)
        nearestOf<Bytes, 1>(lanes, points + static_cast<int64_t>(i) * lanes.dim, best.data() + i);
}

template <int Bytes>
[[gnu::always_inline]] inline void nearestFewBody(const Lanes& lanes, const float* point,
                                                  std::span<int32_t> best, float* scores) {
    using V = Vectors<Bytes>;
    for (int64_t k = 0; k < lanes.stride; k += V::kLanes) {
        typename V::Floats sum = V::load(lanes.offsets + k);
        for (int64_t d = 0; d < lanes.dim; ++d) sum -= point[d] * V::load(lanes.words + d * lanes.stride + k);
        std::memcpy(scores + k, &sum, sizeof sum);
    }
    for (int32_t& chosen : best) {
        typename V::Floats least = typename V::Floats{} + kInfinity;
        typename V::Ints at{};
        typename V::Ints index = V::count();
        for (int64_t k = 0; k < lanes.stride; k += V::kLanes) {
            const typename V::Floats score = V::load(scores + k);
            const typename V::Ints less = score < least;
            least = less ? score : least;
            at = less ? index : at;
            index += static_cast<int32_t>(V::kLanes);
        }
        chosen = V::first(least, at);
        scores[chosen] = kInfinity;
    }
}

struct Approach {
    const float* lanes;
    int64_t dim;
    int64_t stride;
    const float* center;
    const float* known;
};

template <int Bytes>
[[gnu::always_inline]] inline void approachBody(const Approach& a, float* least, double* sums) {
    using V = Vectors<Bytes>;
    using Doubles = typename VectorOf<double, Bytes * 2>::Type;
    for (int64_t run = 0; run < a.stride; run += PointTable::kRun) {
        Doubles sum{};
        for (int64_t i = run; i < run + PointTable::kRun; i += V::kLanes) {
            typename V::Floats distance{};
            for (int64_t d = 0; d < a.dim; ++d) {
                const typename V::Floats away = V::load(a.lanes + d * a.stride + i) - a.center[d];
                distance += away * away;
            }
            const typename V::Floats known = V::load(a.known + i);
            distance = distance < known ? distance : known;
            std::memcpy(least + i, &distance, sizeof distance);
            sum += __builtin_convertvector(distance, Doubles);
        }
        double whole = 0;
        for (int lane = 0; lane < V::kLanes; ++lane) whole += sum[lane];
        sums[run / PointTable::kRun] = whole;
    }
}

QUANTSCOPE_AVX2 void nearestAvx2(const Lanes& lanes, const float* points, std::span<int32_t> best) {
    nearestBody<32>(lanes, points, best);
}
QUANTSCOPE_AVX512 void nearestAvx512(const Lanes& lanes, const float* points, std::span<int32_t> best) {
    nearestBody<64>(lanes, points, best);
}
QUANTSCOPE_AVX2 void nearestFewAvx2(const Lanes& lanes, const float* point, std::span<int32_t> best,
                                    float* scores) {
    nearestFewBody<32>(lanes, point, best, scores);
}
QUANTSCOPE_AVX512 void nearestFewAvx512(const Lanes& lanes, const float* point, std::span<int32_t> best,
                                        float* scores) {
    nearestFewBody<64>(lanes, point, best, scores);
}
QUANTSCOPE_AVX2 void approachAvx2(const Approach& a, float* least, double* sums) {
    approachBody<32>(a, least, sums);
}
QUANTSCOPE_AVX512 void approachAvx512(const Approach& a, float* least, double* sums) {
    approachBody<64>(a, least, sums);
}

}  // namespace

CodewordTable::CodewordTable(std::span<const float> words, int64_t count, int64_t dim)
    : m_count(count),
      m_dim(dim),
      m_stride(padded(count, kPadding)),
      m_lanes(static_cast<size_t>(dim * m_stride)),
      m_offsets(static_cast<size_t>(m_stride), kInfinity) {
    for (int64_t k = 0; k < count; ++k) {
        float half = 0;
        for (int64_t d = 0; d < dim; ++d) {
            const float value = words[static_cast<size_t>(k * dim + d)];
            m_lanes[static_cast<size_t>(d * m_stride + k)] = value;
            half += value * value / 2;
        }
        m_offsets[static_cast<size_t>(k)] = half;
    }
}

void CodewordTable::weigh(const float* block, int64_t stride) {
    m_images.assign(m_lanes.size(), 0.0F);
    multiplyAdd(m_dim, m_stride, m_dim, block, stride, m_lanes.data(), m_stride, m_images.data(), m_stride,
                0.5F);
    std::fill_n(m_offsets.begin(), m_count, 0.0F);
    for (int64_t d = 0; d < m_dim; ++d) {
        const float* word = m_lanes.data() + d * m_stride;
        const float* image = m_images.data() + d * m_stride;
        for (int64_t k = 0; k < m_count; ++k) m_offsets[static_cast<size_t>(k)] += word[k] * image[k];
    }
}

void CodewordTable::nearest(const float* points, std::span<int32_t> best, InstructionSet set) const {
    const Lanes lanes{m_lanes.data(), m_offsets.data(), m_dim, m_stride};
    switch (set) {
        case InstructionSet::Avx512:
            return nearestAvx512(lanes, points, best);
        case InstructionSet::Avx2:
            return nearestAvx2(lanes, points, best);
        case InstructionSet::Baseline:
            return nearestBody<16>(lanes, points, best);
    }
}

void CodewordTable::nearestFew(const float* point, std::span<int32_t> best, std::vector<float>& scores,
                               InstructionSet set) const {
    const Lanes lanes{m_lanes.data(), m_offsets.data(), m_dim, m_stride};
    scores.resize(static_cast<size_t>(m_stride));
    switch (set) {
        case InstructionSet::Avx512:
            return nearestFewAvx512(lanes, point, best, scores.data());
        case InstructionSet::Avx2:
            return nearestFewAvx2(lanes, point, best, scores.data());
        case InstructionSet::Baseline:
            return nearestFewBody<16>(lanes, point, best, scores.data());
    }
}

PointTable::PointTable(std::span<const float> points, int64_t dim)
    : m_count(static_cast<int64_t>(points.size()) / dim),
      m_dim(dim),
      m_stride(padded(m_count, kRun)),
      m_lanes(static_cast<size_t>(dim * m_stride)) {
    for (int64_t i = 0; i < m_count; ++i)
        for (int64_t d = 0; d < dim; ++d)
            m_lanes[static_cast<size_t>(d * m_stride + i)] = points[static_cast<size_t>(i * dim + d)];
}

void PointTable::approach(const float* center, const float* known, float* least, double* sums,
                          InstructionSet set) const {
    const Approach a{m_lanes.data(), m_dim, m_stride, center, known};
    switch (set) {
        case InstructionSet::Avx512:
            return approachAvx512(a, least, sums);
        case InstructionSet::Avx2:
            return approachAvx2(a, least, sums);
        case InstructionSet::Baseline:
            return approachBody<16>(a, least, sums);
    }
}

}  // namespace quantscope
