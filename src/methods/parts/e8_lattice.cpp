// SPDX-License-Identifier: Apache-2.0
#include "methods/parts/e8_lattice.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

namespace quantscope {
namespace {

using Point = E8Lattice::Point;

/// All vectors of 1/2, 3/2, 5/2, ... with norm^2 <= 10, in lexicographic order.
void addSmall(Point& point, size_t at, float norm, std::vector<Point>& vectors) {
    if (at == point.size()) {
        vectors.push_back(point);
        return;
    }
    for (float value = 0.5F; norm + value * value <= 10.0F; value += 1) {
        point[at] = value;
        addSmall(point, at + 1, norm + value * value, vectors);
    }
}

/// The 29 vectors of norm^2 12 that fill the table up, a 3 for 3/2 and a 1 for 1/2.
constexpr std::array<std::string_view, 29> kNorm12{
    "31113333", "13113333", "11313333", "11133333", "33313311", "33313131", "33311331", "33313113",
    "33311313", "33311133", "33133311", "33133131", "33131331", "33133113", "33131313", "33131133",
    "31333311", "31333131", "31331331", "31333113", "31331313", "13331133", "13333311", "13333131",
    "13331331", "13333113", "13331313", "11331333", "33113331"};

/// x - shift everywhere.
struct Shifted {
    Point value{};
    Point magnitude{};
    float norm = 0;
    bool oddSigns = false;  ///< an odd number of them is negative

    Shifted(const Point& x, float shift) {
        for (size_t i = 0; i < x.size(); ++i) {
            value[i] = x[i] - shift;
            magnitude[i] = std::abs(value[i]);
            norm += value[i] * value[i];
            if (value[i] < 0) oddSigns = !oddSigns;
        }
    }
};

struct Table {
    const float* vectors;  ///< [8][256]
    const float* norms;
    const int32_t* odd;
};

struct Candidate {
    float distance;
    int32_t vector;
};

/// |y - s a|^2 = |y|^2 + |a|^2 - 2 sum |y_i| a_i with the signs of y; where their number does not suit the
/// vector, the cheapest sign is turned: 4 min |y_i| a_i more. The first vector of least distance.
template <int Bytes>
[[gnu::always_inline]] inline Candidate nearestVectorBody(const Table& table, const Shifted& y) {
    using Floats = typename VectorOf<float, Bytes>::Type;
    using Ints = typename VectorOf<int32_t, Bytes>::Type;
    constexpr int kLanes = Bytes / 4;
    Floats least = Floats{} + std::numeric_limits<float>::infinity();
    Ints at{};
    Ints index{};
    for (int lane = 0; lane < kLanes; ++lane) index[lane] = lane;
    const Ints signs = Ints{} - (y.oddSigns ? 1 : 0);
    for (int v = 0; v < E8Lattice::kVectors; v += kLanes) {
        Floats dots{};
        Floats cheapest = Floats{} + std::numeric_limits<float>::infinity();
        for (size_t i = 0; i < y.magnitude.size(); ++i) {
            Floats values;
            std::memcpy(&values, table.vectors + i * E8Lattice::kVectors + v, sizeof values);
            const Floats product = y.magnitude[i] * values;
            dots += product;
            cheapest = product < cheapest ? product : cheapest;
        }
        Floats norms;
        Ints odd;
        std::memcpy(&norms, table.norms + v, sizeof norms);
        std::memcpy(&odd, table.odd + v, sizeof odd);
        const Floats turned = (odd ^ signs) != 0 ? 4.0F * cheapest : Floats{};
        const Floats distance = y.norm + norms - 2.0F * dots + turned;
        const Ints less = distance < least;
        least = less ? distance : least;
        at = less ? index : at;
        index += kLanes;
    }
    Candidate found{least[0], at[0]};
    for (int lane = 1; lane < kLanes; ++lane)
        if (least[lane] < found.distance || (least[lane] == found.distance && at[lane] < found.vector))
            found = {least[lane], at[lane]};
    return found;
}

QUANTSCOPE_AVX2 Candidate nearestVectorAvx2(const Table& table, const Shifted& y) {
    return nearestVectorBody<32>(table, y);
}
QUANTSCOPE_AVX512 Candidate nearestVectorAvx512(const Table& table, const Shifted& y) {
    return nearestVectorBody<64>(table, y);
}

Candidate nearestVector(const Table& table, const Shifted& y, InstructionSet set) {
    switch (set) {
        case InstructionSet::Avx512:
            return nearestVectorAvx512(table, y);
        case InstructionSet::Avx2:
            return nearestVectorAvx2(table, y);
        case InstructionSet::Baseline:
            break;
    }
    return nearestVectorBody<16>(table, y);
}

}  // namespace

E8Lattice::E8Lattice() {
    std::vector<Point> vectors;
    Point point{};
    addSmall(point, 0, 0, vectors);
    for (const std::string_view digits : kNorm12) {
        for (size_t i = 0; i < kDim; ++i) point[i] = static_cast<float>(digits[i] - '0') / 2;
        vectors.push_back(point);
    }
    for (size_t v = 0; v < kVectors; ++v) {
        float sum = 0;
        for (size_t i = 0; i < kDim; ++i) {
            m_vectors[i][v] = vectors[v][i];
            m_norms[v] += vectors[v][i] * vectors[v][i];
            sum += vectors[v][i];
        }
        m_odd[v] = static_cast<int>(sum) % 2 != 0 ? -1 : 0;
    }
}

Point E8Lattice::vector(int v) const {
    Point point{};
    for (size_t i = 0; i < kDim; ++i) point[i] = m_vectors[i][static_cast<size_t>(v)];
    return point;
}

Point E8Lattice::nearest(const Point& x, InstructionSet set) const {
    float least = std::numeric_limits<float>::infinity();
    Point best{};
    for (const float shift : {-0.25F, 0.25F}) {
        const Shifted y(x, shift);
        const Table table{m_vectors[0].data(), m_norms.data(), m_odd.data()};
        const Candidate found = nearestVector(table, y, set);
        if (!(found.distance < least)) continue;
        least = found.distance;
        const auto v = static_cast<size_t>(found.vector);
        const bool turned = (m_odd[v] != 0) != y.oddSigns;
        size_t flipped = kDim;
        float cheapest = std::numeric_limits<float>::infinity();
        for (size_t i = 0; turned && i < kDim; ++i) {
            const float product = y.magnitude[i] * m_vectors[i][v];
            if (!(product < cheapest)) continue;
            cheapest = product;
            flipped = i;
        }
        for (size_t i = 0; i < kDim; ++i)
            best[i] = ((y.value[i] < 0) != (i == flipped) ? -m_vectors[i][v] : m_vectors[i][v]) + shift;
    }
    return best;
}

E8Short::E8Short() {
    std::vector<Point>& points = m_points;
    // Integers with an even sum and norm^2 <= 2: zero, and two of +-1.
    points.push_back(Point{});
    for (size_t i = 0; i < kDim; ++i)
        for (size_t j = i + 1; j < kDim; ++j)
            for (int signs = 0; signs < 4; ++signs) {
                Point point{};
                point[i] = (signs & 1) != 0 ? -1.0F : 1.0F;
                point[j] = (signs & 2) != 0 ? -1.0F : 1.0F;
                points.push_back(point);
            }
    // Half-integers: +-1/2 everywhere, an even number of them negative.
    for (unsigned signs = 0; signs < 256; ++signs) {
        if (std::popcount(signs) % 2 != 0) continue;
        Point point{};
        for (size_t i = 0; i < kDim; ++i) point[i] = (signs >> i & 1) != 0 ? -0.5F : 0.5F;
        points.push_back(point);
    }
    for (const float two : {2.0F, -2.0F})
        for (size_t i = 0; i < kDim && points.size() < kPoints; ++i) {
            Point point{};
            point[i] = two;
            points.push_back(point);
        }
    std::vector<float> words;
    for (const Point& own : points) words.insert(words.end(), own.begin(), own.end());
    m_table = CodewordTable(words, kPoints, kDim);
}

Point E8Short::nearest(const Point& x, InstructionSet set) const {
    int32_t best = 0;
    m_table.nearest(x.data(), {&best, 1}, set);
    return point(best);
}

}  // namespace quantscope
