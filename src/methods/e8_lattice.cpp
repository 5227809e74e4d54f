// SPDX-License-Identifier: Apache-2.0
#include "methods/e8_lattice.h"

#include <algorithm>
#include <bit>
#include <cmath>
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
        m_odd[v] = static_cast<int>(sum) % 2 != 0;
    }
}

Point E8Lattice::vector(int v) const {
    Point point{};
    for (size_t i = 0; i < kDim; ++i) point[i] = m_vectors[i][static_cast<size_t>(v)];
    return point;
}

Point E8Lattice::nearest(const Point& x) const {
    float least = std::numeric_limits<float>::infinity();
    Point best{};
    for (const float shift : {-0.25F, 0.25F}) {
        Point y{};
        Point magnitude{};
        bool oddSigns = false;
        float norm = 0;
        for (size_t i = 0; i < kDim; ++i) {
            y[i] = x[i] - shift;
            magnitude[i] = std::abs(y[i]);
            norm += y[i] * y[i];
            if (y[i] < 0) oddSigns = !oddSigns;
        }
        // |y - s a|^2 = |y|^2 + |a|^2 - 2 sum |y_i| a_i with the signs of y; where their number does not suit
        // the vector, the cheapest sign is turned: 4 min |y_i| a_i more.
        std::array<float, kVectors> dots{};
        std::array<float, kVectors> cheapest{};
        cheapest.fill(std::numeric_limits<float>::infinity());
        for (size_t i = 0; i < kDim; ++i)
            for (size_t v = 0; v < kVectors; ++v) {
                const float product = magnitude[i] * m_vectors[i][v];
                dots[v] += product;
                cheapest[v] = std::min(cheapest[v], product);
            }
        for (size_t v = 0; v < kVectors; ++v) {
            const bool turned = m_odd[v] != oddSigns;
            const float distance = norm + m_norms[v] - 2 * dots[v] + (turned ? 4 * cheapest[v] : 0.0F);
            if (!(distance < least)) continue;
            least = distance;
            size_t flipped = kDim;
            for (size_t i = 0; turned && i < kDim; ++i)
                if (magnitude[i] * m_vectors[i][v] == cheapest[v]) {
                    flipped = i;
                    break;
                }
            for (size_t i = 0; i < kDim; ++i)
                best[i] = ((y[i] < 0) != (i == flipped) ? -m_vectors[i][v] : m_vectors[i][v]) + shift;
        }
    }
    return best;
}

E8Short::E8Short() {
    std::vector<Point> points;
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
    for (size_t k = 0; k < kPoints; ++k)
        for (size_t i = 0; i < kDim; ++i) {
            m_points[i][k] = points[k][i];
            m_halves[k] += points[k][i] * points[k][i] / 2;
        }
}

Point E8Short::point(int index) const {
    Point point{};
    for (size_t i = 0; i < kDim; ++i) point[i] = m_points[i][static_cast<size_t>(index)];
    return point;
}

Point E8Short::nearest(const Point& x) const {
    std::array<float, kPoints> scores = m_halves;
    for (size_t i = 0; i < kDim; ++i)
        for (size_t k = 0; k < kPoints; ++k) scores[k] -= x[i] * m_points[i][k];
    return point(static_cast<int>(std::min_element(scores.begin(), scores.end()) - scores.begin()));
}

}  // namespace quantscope
