// SPDX-License-Identifier: Apache-2.0
#include "methods/parts/calibration_statistics.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/out_of_memory.h"
#include "base/parallel_for.h"
#include "numerics/gram_sums.h"
#include "numerics/linear_algebra.h"
#include "quant/estimators/run_extremes.h"

namespace quantscope {
namespace {

constexpr int64_t kColumns = 64;

/// The lower triangle of sums over `count` rows -> their means, both triangles.
std::vector<float> symmetricMeans(const std::vector<double>& sums, int64_t width, double count) {
    constexpr int64_t kSide = 32;  // blocks, so that the other triangle's columns stay in the cache
    std::vector<float> means;
    resizeFor(means, sums.size(), "X^T X");
    parallelFor((width + kSide - 1) / kSide, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i0 = begin * kSide; i0 < std::min(width, end * kSide); i0 += kSide)
            for (int64_t j0 = 0; j0 <= i0; j0 += kSide)
                for (int64_t i = i0; i < std::min(width, i0 + kSide); ++i)
                    for (int64_t j = j0; j < std::min(i + 1, j0 + kSide); ++j) {
                        const auto mean =
                            static_cast<float>(sums[static_cast<size_t>(i * width + j)] / count);
                        means[static_cast<size_t>(i * width + j)] = mean;
                        means[static_cast<size_t>(j * width + i)] = mean;
                    }
    });
    return means;
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
    m_sums.minimum.assign(width, std::numeric_limits<float>::infinity());
    m_sums.maximum.assign(width, -std::numeric_limits<float>::infinity());
    m_sums.meanAbs.assign(width, 0);
    m_sums.meanSquare.assign(width, 0);
    if (request.hessian) resizeFor(m_hessian, width * width, "the sums of X^T X");
}

void CalibrationCollector::add(const MatrixView& inputs) {
    assert(inputs.cols == m_sums.channels);
    std::vector<char> good(static_cast<size_t>(inputs.rows));
    parallelFor(inputs.rows, 64, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r)
            good[static_cast<size_t>(r)] = allFinite(inputs.row(r), inputs.cols) ? 1 : 0;
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
    if (m_request.hessian) addGram(clean, m_panels, m_hessian.data());
    addSample(clean);
    m_sums.tokens += clean.rows;
}

void CalibrationCollector::addMoments(const MatrixView& inputs) {
    const ColumnMoments to{m_sums.minimum.data(), m_sums.maximum.data(), m_sums.meanAbs.data(),
                           m_sums.meanSquare.data()};
    // Columns in parallel, so that the order of addition is fixed.
    parallelFor(inputs.cols, kColumns,
                [&](int64_t begin, int64_t end) { addColumnMoments(inputs, begin, end, to); });
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
    result.absMax.resize(static_cast<size_t>(width));
    for (size_t c = 0; c < result.absMax.size(); ++c)
        result.absMax[c] = std::max(std::abs(result.minimum[c]), std::abs(result.maximum[c]));
    if (!m_hessian.empty()) result.hessian = symmetricMeans(m_hessian, width, count);
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
