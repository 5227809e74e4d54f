// SPDX-License-Identifier: Apache-2.0
#include "methods/parts/additive_fit.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/parallel_for.h"
#include "methods/parts/additive_search.h"
#include "methods/parts/product_code.h"
#include "numerics/linear_algebra.h"
#include "tensor/float_bits.h"

namespace quantscope {
namespace {

constexpr int64_t kRows = 32;
constexpr int64_t kGatherRows = 64;

double dot(const std::vector<double>& a, const std::vector<double>& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

float storedFloat(float value) {
    return floatFromF16(f16FromFloat(value));
}

}  // namespace

/// Rows that are searched together.
struct AdditiveFit::Band {
    std::vector<float> errors;  ///< W - W^, [rows x cols]
    std::vector<float> pulls;   ///< errors H at the group's columns, [rows x group]
    AdditiveSearch words;
};

AdditiveFit::AdditiveFit(const MatrixView& weight, const std::vector<float>& hessian, Size size,
                         const ProductFunction& product)
    : m_weight(weight), m_hessian(hessian), m_size(size), m_product(product) {}

void AdditiveFit::start(uint64_t seed, const Job& job) {
    const int64_t rows = m_weight.rows;
    const int64_t count = rows * groups();
    std::vector<float> left(static_cast<size_t>(m_weight.size()));
    m_scales.resize(static_cast<size_t>(rows));
    for (int64_t r = 0; r < rows; ++r) {
        double squares = 0;
        for (int64_t c = 0; c < m_weight.cols; ++c)
            squares += static_cast<double>(m_weight.at(r, c)) * static_cast<double>(m_weight.at(r, c));
        const auto scale = static_cast<float>(std::sqrt(squares / static_cast<double>(m_weight.cols)));
        m_scales[static_cast<size_t>(r)] = scale;
        for (int64_t c = 0; c < m_weight.cols; ++c)
            left[static_cast<size_t>(r * m_weight.cols + c)] = scale > 0 ? m_weight.at(r, c) / scale : 0.0F;
    }
    m_words.clear();
    m_codes.resize(static_cast<size_t>(count * m_size.codebooks));
    for (int64_t book = 0; book < m_size.codebooks; ++book) {
        const ProductCode code =
            productQuantize({left.data(), count, m_size.group, m_size.group}, m_size.group, m_size.words,
                            true, seed + static_cast<uint64_t>(book), job);
        m_words.insert(m_words.end(), code.prototypes.begin(), code.prototypes.end());
        if (job.stopRequested()) return;
        for (int64_t i = 0; i < count; ++i) {
            const int32_t chosen = code.codes[static_cast<size_t>(i)];
            m_codes[static_cast<size_t>(i * m_size.codebooks + book)] = chosen;
            for (int64_t d = 0; d < m_size.group; ++d)
                left[static_cast<size_t>(i * m_size.group + d)] -= word(book, chosen)[d];
        }
    }
}

std::vector<float> AdditiveFit::decoded(const std::vector<float>& words) const {
    std::vector<float> values(static_cast<size_t>(m_weight.size()));
    parallelFor(m_weight.rows, kRows, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r)
            for (int64_t g = 0; g < groups(); ++g) {
                float* to = values.data() + r * m_weight.cols + g * m_size.group;
                for (int64_t m = 0; m < m_size.codebooks; ++m) {
                    const float* from = words.data() + (m * m_size.words + codesOf(r, g)[m]) * m_size.group;
                    for (int64_t d = 0; d < m_size.group; ++d)
                        to[d] += m_scales[static_cast<size_t>(r)] * from[d];
                }
            }
    });
    return values;
}

std::vector<float> AdditiveFit::residual() const {
    std::vector<float> values = decoded(m_words);
    for (int64_t r = 0; r < m_weight.rows; ++r)
        for (int64_t c = 0; c < m_weight.cols; ++c) {
            float& value = values[static_cast<size_t>(r * m_weight.cols + c)];
            value = m_weight.at(r, c) - value;
        }
    return values;
}

std::vector<float> AdditiveFit::timesHessian(const std::vector<float>& a) const {
    const int64_t n = m_weight.cols;
    std::vector<float> result(a.size());
    m_product({a.data(), m_weight.rows, n, n}, {m_hessian.data(), n, n, n}, result.data());
    return result;
}

double AdditiveFit::error() const {
    const std::vector<float> left = residual();
    const std::vector<float> pulled = timesHessian(left);
    double sum = 0;
    for (size_t i = 0; i < left.size(); ++i)
        sum += static_cast<double>(left[i]) * static_cast<double>(pulled[i]);
    return sum;
}

std::vector<double> AdditiveFit::gathered(const std::vector<float>& a) const {
    return parallelReduce<std::vector<double>>(
        m_weight.rows, kGatherRows,
        [&](int64_t begin, int64_t end) {
            std::vector<double> part(m_words.size());
            for (int64_t r = begin; r < end; ++r)
                for (int64_t g = 0; g < groups(); ++g)
                    for (int64_t m = 0; m < m_size.codebooks; ++m) {
                        double* to = part.data() + (m * m_size.words + codesOf(r, g)[m]) * m_size.group;
                        const float* from = a.data() + r * m_weight.cols + g * m_size.group;
                        for (int64_t d = 0; d < m_size.group; ++d)
                            to[d] += static_cast<double>(m_scales[static_cast<size_t>(r)] * from[d]);
                    }
            return part;
        },
        [](std::vector<double>& total, const std::vector<double>& part) {
            total.resize(part.size());
            for (size_t i = 0; i < part.size(); ++i) total[i] += part[i];
        });
}

/// The diagonal of the least-squares problem: sum of scale^2 H_cc over the places of a codeword.
std::vector<double> AdditiveFit::curvatures() const {
    std::vector<float> diagonal(static_cast<size_t>(m_weight.size()));
    for (int64_t r = 0; r < m_weight.rows; ++r)
        for (int64_t c = 0; c < m_weight.cols; ++c)
            diagonal[static_cast<size_t>(r * m_weight.cols + c)] =
                m_scales[static_cast<size_t>(r)] * m_hessian[static_cast<size_t>(c * (m_weight.cols + 1))];
    return gathered(diagonal);
}

void AdditiveFit::fitCodewords(int steps) {
    const std::vector<double> diagonal = curvatures();
    std::vector<double> left = gathered(timesHessian(residual()));
    const auto conditioned = [&](const std::vector<double>& v) {
        std::vector<double> result(v.size());
        for (size_t i = 0; i < v.size(); ++i) result[i] = diagonal[i] > 0 ? v[i] / diagonal[i] : 0;
        return result;
    };
    std::vector<double> scaled = conditioned(left);
    std::vector<double> direction = scaled;
    std::vector<double> words(m_words.begin(), m_words.end());
    double size = dot(left, scaled);
    const double enough = 1e-10 * size;
    for (int step = 0; step < steps && size > enough; ++step) {
        const std::vector<double> image =
            gathered(timesHessian(decoded({direction.begin(), direction.end()})));
        const double curvature = dot(direction, image);
        if (!(curvature > 0)) break;
        const double length = size / curvature;
        for (size_t i = 0; i < words.size(); ++i) {
            words[i] += length * direction[i];
            left[i] -= length * image[i];
        }
        scaled = conditioned(left);
        const double next = dot(left, scaled);
        for (size_t i = 0; i < words.size(); ++i) direction[i] = scaled[i] + next / size * direction[i];
        size = next;
    }
    m_words.assign(words.begin(), words.end());
}

void AdditiveFit::fitScales() {
    const int64_t n = m_weight.cols;
    const std::vector<float> values = decoded(m_words);
    const std::vector<float> pulled = timesHessian(values);
    for (int64_t r = 0; r < m_weight.rows; ++r) {
        double own = 0;
        double wanted = 0;
        for (int64_t c = 0; c < n; ++c) {
            const auto pull = static_cast<double>(pulled[static_cast<size_t>(r * n + c)]);
            own += pull * static_cast<double>(values[static_cast<size_t>(r * n + c)]);
            wanted += pull * static_cast<double>(m_weight.at(r, c));
        }
        if (own > 0) m_scales[static_cast<size_t>(r)] *= static_cast<float>(wanted / own);
    }
}

void AdditiveFit::searchGroup(int64_t group, int64_t begin, int64_t end, Band& band) {
    const int64_t dim = m_size.group;
    const int64_t n = m_weight.cols;
    std::fill(band.pulls.begin(), band.pulls.end(), 0.0F);
    multiplyAdd(end - begin, dim, n, band.errors.data(), n, m_hessian.data() + group * dim, n,
                band.pulls.data(), dim, 1.0F);
    for (int64_t r = begin; r < end; ++r) {
        const float scale = m_scales[static_cast<size_t>(r)];
        int32_t* codes = codesOf(r, group);
        if (!(scale > 0) || !band.words.search(band.pulls.data() + (r - begin) * dim, scale, codes)) continue;
        const std::vector<int32_t>& best = band.words.best();
        for (int64_t m = 0; m < m_size.codebooks; ++m)
            for (int64_t d = 0; d < dim; ++d)
                band.errors[static_cast<size_t>((r - begin) * n + group * dim + d)] +=
                    scale * (word(m, codes[m])[d] - word(m, best[static_cast<size_t>(m)])[d]);
        std::copy(best.begin(), best.end(), codes);
    }
}

void AdditiveFit::search(int beam) {
    const int64_t dim = m_size.group;
    const int64_t n = m_weight.cols;
    const std::vector<float> left = residual();
    parallelFor(m_weight.rows, kRows, [&](int64_t begin, int64_t end) {
        Band band{{left.begin() + begin * n, left.begin() + end * n},
                  std::vector<float>(static_cast<size_t>((end - begin) * dim)),
                  AdditiveSearch(m_words, dim, m_size.codebooks, m_size.words, beam)};
        for (int64_t group = 0; group < groups(); ++group) {
            band.words.setBlock(m_hessian.data() + group * dim * (n + 1), n);
            searchGroup(group, begin, end, band);
        }
    });
}

void AdditiveFit::roundToStored() {
    std::ranges::transform(m_words, m_words.begin(), storedFloat);
    std::ranges::transform(m_scales, m_scales.begin(), storedFloat);
}

}  // namespace quantscope
