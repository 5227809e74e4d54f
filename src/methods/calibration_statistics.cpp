// SPDX-License-Identifier: Apache-2.0
#include "methods/calibration_statistics.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/parallel_for.h"
#include "methods/linear_algebra.h"

namespace quantscope {
namespace {

constexpr int64_t kColumns = 64;
/// Columns of X^T X a product computes at a time: those left of the diagonal come by symmetry.
constexpr int64_t kHessianBand = 256;

bool isFinite(const float* row, int64_t count) {
    // A sum is finite only if all its terms are; overflow of finite terms is told apart below.
    float sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += row[i] * 0.0F;
    return sum == 0.0F;
}

}  // namespace

void ProductFunction::operator()(const MatrixView& a, const MatrixView& b, float* out) const {
    if (function != nullptr)
        function(a, b, out, context);
    else
        multiplyTransposed(a, b, out);
}

CalibrationCollector::CalibrationCollector(int64_t channels, Request request) : m_request(request) {
    const auto width = static_cast<size_t>(channels);
    m_sums.channels = channels;
    m_sums.absMax.assign(width, 0);
    m_sums.minimum.assign(width, std::numeric_limits<float>::infinity());
    m_sums.maximum.assign(width, -std::numeric_limits<float>::infinity());
    m_sums.meanAbs.assign(width, 0);
    m_sums.meanSquare.assign(width, 0);
    if (request.hessian) m_hessian.assign(width * width, 0);
}

void CalibrationCollector::add(const MatrixView& inputs, const ProductFunction& product) {
    assert(inputs.cols == m_sums.channels);
    std::vector<char> good(static_cast<size_t>(inputs.rows));
    parallelFor(inputs.rows, 64, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r)
            good[static_cast<size_t>(r)] = isFinite(inputs.row(r), inputs.cols) ? 1 : 0;
    });
    MatrixView clean = inputs;
    const auto rejected = static_cast<int64_t>(std::count(good.begin(), good.end(), 0));
    if (rejected > 0) {
        m_clean.clear();
        for (int64_t r = 0; r < inputs.rows; ++r) {
            if (good[static_cast<size_t>(r)] != 0)
                m_clean.insert(m_clean.end(), inputs.row(r), inputs.row(r) + inputs.cols);
        }
        clean = {m_clean.data(), inputs.rows - rejected, inputs.cols, inputs.cols};
    }
    m_sums.rejectedRows += rejected;
    if (clean.rows == 0) return;
    addMoments(clean);
    if (m_request.hessian) addHessian(clean, product);
    addSample(clean);
    m_sums.tokens += clean.rows;
}

void CalibrationCollector::addMoments(const MatrixView& inputs) {
    // Columns in parallel, so that the order of addition is fixed.
    parallelFor(inputs.cols, kColumns, [&](int64_t begin, int64_t end) {
        for (int64_t row = 0; row < inputs.rows; ++row) {
            const float* src = inputs.row(row);
            for (int64_t col = begin; col < end; ++col) {
                const auto c = static_cast<size_t>(col);
                const float x = src[col];
                m_sums.absMax[c] = std::max(m_sums.absMax[c], std::abs(x));
                m_sums.minimum[c] = std::min(m_sums.minimum[c], x);
                m_sums.maximum[c] = std::max(m_sums.maximum[c], x);
                m_sums.meanAbs[c] += std::abs(x);
                m_sums.meanSquare[c] += static_cast<double>(x) * x;
            }
        }
    });
}

void CalibrationCollector::addHessian(const MatrixView& inputs, const ProductFunction& product) {
    const int64_t width = inputs.cols;
    const int64_t rows = inputs.rows;
    m_transposed.resize(static_cast<size_t>(width * rows));
    transpose(inputs, m_transposed.data());
    for (int64_t band = 0; band < width; band += kHessianBand) {
        const int64_t bandEnd = std::min(width, band + kHessianBand);
        const MatrixView left{m_transposed.data() + band * rows, bandEnd - band, rows, rows};
        const MatrixView right{m_transposed.data(), bandEnd, rows, rows};
        m_product.resize(static_cast<size_t>(left.rows * right.rows));
        product(left, right, m_product.data());
        parallelFor(left.rows, 32, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) {
                double* dst = m_hessian.data() + (band + i) * width;
                const float* src = m_product.data() + i * right.rows;
                for (int64_t j = 0; j <= band + i; ++j) dst[j] += src[j];
            }
        });
    }
}

void CalibrationCollector::addSample(const MatrixView& inputs) {
    // Reservoir sampling (Vitter 1985, algorithm R) with one counter-based number a token.
    const CounterRandom random(m_request.seed, 0xCA11B);
    const auto limit = static_cast<uint64_t>(std::max<int64_t>(m_request.sampleRows, 0));
    for (int64_t row = 0; row < inputs.rows; ++row) {
        const auto token = static_cast<uint64_t>(m_sums.tokens + row);
        uint64_t slot = token;
        if (token >= limit) slot = random.bits(token) % (token + 1);
        if (slot >= limit) continue;
        const auto width = static_cast<size_t>(inputs.cols);
        if (slot == m_sampleTokens.size()) {
            m_sampleTokens.push_back(0);
            m_sample.resize(m_sample.size() + width);
        }
        m_sampleTokens[slot] = static_cast<int64_t>(token);
        std::copy_n(inputs.row(row), width, m_sample.begin() + static_cast<std::ptrdiff_t>(slot * width));
    }
}

CalibrationStatistics CalibrationCollector::finish() const {
    CalibrationStatistics result = m_sums;
    result.shared = std::make_shared<SharedResults>();
    const auto count = static_cast<double>(std::max<int64_t>(m_sums.tokens, 1));
    for (double& value : result.meanAbs) value /= count;
    for (double& value : result.meanSquare) value /= count;
    if (m_sums.tokens == 0) {
        std::fill(result.minimum.begin(), result.minimum.end(), 0.0F);
        std::fill(result.maximum.begin(), result.maximum.end(), 0.0F);
    }
    const int64_t width = m_sums.channels;
    result.hessian.resize(m_hessian.size());
    if (!m_hessian.empty()) {
        parallelFor(width, 32, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i)
                for (int64_t j = 0; j < width; ++j)
                    result.hessian[static_cast<size_t>(i * width + j)] = static_cast<float>(
                        m_hessian[static_cast<size_t>(std::max(i, j) * width + std::min(i, j))] / count);
        });
    }
    // Slots in running order.
    std::vector<size_t> order(m_sampleTokens.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(),
              [&](size_t a, size_t b) { return m_sampleTokens[a] < m_sampleTokens[b]; });
    std::vector<float> rows;
    rows.reserve(m_sample.size());
    for (const size_t slot : order) {
        const auto first = m_sample.begin() + static_cast<std::ptrdiff_t>(slot) * width;
        rows.insert(rows.end(), first, first + width);
    }
    result.sample = Tensor::fromFloats({static_cast<int64_t>(order.size()), width}, std::move(rows));
    return result;
}

}  // namespace quantscope
