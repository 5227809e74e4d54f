// SPDX-License-Identifier: Apache-2.0
#include "methods/additive_search.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "methods/linear_algebra.h"

namespace quantscope {
namespace {

/// The first of the least of `count` numbers. Sixteen running minima at a time, where min_element would
/// compare one number after the other.
int64_t leastOf(const float* values, int64_t count) {
    constexpr int64_t kLanes = 16;
    std::array<float, kLanes> lanes;
    lanes.fill(std::numeric_limits<float>::infinity());
    int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes)
        for (int64_t lane = 0; lane < kLanes; ++lane) {
            float& low = lanes[static_cast<size_t>(lane)];
            low = values[i + lane] < low ? values[i + lane] : low;
        }
    float least = *std::min_element(lanes.begin(), lanes.end());
    for (; i < count; ++i) least = std::min(least, values[i]);
    const int64_t at = std::find(values, values + count, least) - values;
    return at < count ? at : 0;
}

}  // namespace

AdditiveSearch::AdditiveSearch(const std::vector<float>& words, int64_t dim, int64_t codebooks, int64_t count,
                               int64_t beam)
    : m_words(words),
      m_dim(dim),
      m_codebooks(codebooks),
      m_count(count),
      m_doubled(words.size()),
      m_images(words.size()),
      m_norms(static_cast<size_t>(codebooks * count)),
      m_aim(static_cast<size_t>(dim)) {
    // Without another codebook there is nothing to follow up.
    const int64_t keep = codebooks == 1 ? 1 : std::min(beam, count);
    m_order.resize(static_cast<size_t>(keep));
    m_trials.resize(static_cast<size_t>(keep * codebooks));
    m_rests.resize(static_cast<size_t>(keep * dim));
    m_scores.resize(static_cast<size_t>(keep * count));
    for (int64_t m = 0; m < codebooks; ++m)
        for (int64_t k = 0; k < count; ++k)
            for (int64_t d = 0; d < dim; ++d)
                m_doubled[static_cast<size_t>((m * dim + d) * count + k)] =
                    2 * words[static_cast<size_t>((m * count + k) * dim + d)];
}

void AdditiveSearch::setBlock(const float* block, int64_t stride) {
    for (size_t k = 0; k < m_norms.size(); ++k) {
        const float* c = m_words.data() + k * static_cast<size_t>(m_dim);
        float* image = m_images.data() + k * static_cast<size_t>(m_dim);
        m_norms[k] = 0;
        for (int64_t i = 0; i < m_dim; ++i) {
            image[i] = std::inner_product(c, c + m_dim, block + i * stride, 0.0F);
            m_norms[k] += c[i] * image[i];
        }
    }
}

/// Scores [trials][count] of a codebook's words beside the words that each of `m_trials` has of the others:
/// c H c - 2 c . (aim - H v_others).
void AdditiveSearch::judge(int64_t book, int64_t trials) {
    const float* norms = m_norms.data() + book * m_count;
    for (int64_t t = 0; t < trials; ++t) {
        float* rest = m_rests.data() + t * m_dim;
        std::copy(m_aim.begin(), m_aim.end(), rest);
        for (int64_t other = 0; other < m_codebooks; ++other) {
            if (other == book) continue;
            const float* image =
                m_images.data() + at(other, m_trials[static_cast<size_t>(t * m_codebooks + other)]);
            for (int64_t d = 0; d < m_dim; ++d) rest[d] -= image[d];
        }
        std::copy_n(norms, m_count, m_scores.begin() + t * m_count);
    }
    multiplyAdd(trials, m_count, m_dim, m_rests.data(), m_dim, m_doubled.data() + book * m_dim * m_count,
                m_count, m_scores.data(), m_count, -1.0F);
}

double AdditiveSearch::errorOf(const int32_t* chosen) const {
    double sum = 0;
    for (int64_t d = 0; d < m_dim; ++d) {
        float v = 0;
        float image = 0;
        for (int64_t m = 0; m < m_codebooks; ++m) {
            const size_t place = at(m, chosen[m]) + static_cast<size_t>(d);
            v += m_words[place];
            image += m_images[place];
        }
        sum += static_cast<double>(v * (image - 2 * m_aim[static_cast<size_t>(d)]));
    }
    return sum;
}

/// The best words of one codebook, each with the others chosen for it.
void AdditiveSearch::follow(int64_t book) {
    std::copy(m_present.begin(), m_present.end(), m_trials.begin());
    judge(book, 1);
    const auto keep = static_cast<int64_t>(m_order.size());
    for (int32_t& chosen : m_order) {
        chosen = static_cast<int32_t>(leastOf(m_scores.data(), m_count));
        m_scores[static_cast<size_t>(chosen)] = std::numeric_limits<float>::infinity();
    }
    for (int64_t t = 0; t < keep; ++t) {
        int32_t* trial = m_trials.data() + t * m_codebooks;
        std::copy(m_present.begin(), m_present.end(), trial);
        trial[book] = m_order[static_cast<size_t>(t)];
    }
    for (int64_t other = 0; other < m_codebooks; ++other) {
        if (other == book) continue;
        judge(other, keep);
        for (int64_t t = 0; t < keep; ++t) {
            m_trials[static_cast<size_t>(t * m_codebooks + other)] =
                static_cast<int32_t>(leastOf(m_scores.data() + t * m_count, m_count));
        }
    }
    for (int64_t t = 0; t < keep; ++t) {
        const int32_t* trial = m_trials.data() + t * m_codebooks;
        const double error = errorOf(trial);
        if (!(error < m_least)) continue;
        m_least = error;
        m_best.assign(trial, trial + m_codebooks);
    }
}

bool AdditiveSearch::search(const float* pull, float scale, const int32_t* codes) {
    m_present.assign(codes, codes + m_codebooks);
    for (int64_t d = 0; d < m_dim; ++d) {
        float& aim = m_aim[static_cast<size_t>(d)];
        aim = pull[d] / scale;
        for (int64_t m = 0; m < m_codebooks; ++m) aim += m_images[at(m, codes[m]) + static_cast<size_t>(d)];
    }
    m_best = m_present;
    m_least = errorOf(codes);
    for (int64_t book = 0; book < m_codebooks; ++book) follow(book);
    return m_best != m_present;
}

}  // namespace quantscope
