// SPDX-License-Identifier: Apache-2.0
#include "methods/parts/additive_search.h"

#include <algorithm>
#include <span>

#include "numerics/linear_algebra.h"

namespace quantscope {
AdditiveSearch::AdditiveSearch(const std::vector<float>& words, int64_t dim, int64_t codebooks, int64_t count,
                               int64_t beam)
    : m_words(words),
      m_dim(dim),
      m_codebooks(codebooks),
      m_count(count),
      m_images(words.size()),
      m_aim(static_cast<size_t>(dim)) {
    // With one codebook the best word is the answer: there are no others to choose anew.
    const int64_t keep = codebooks == 1 ? 1 : std::min(beam, count);
    m_order.resize(static_cast<size_t>(keep));
    m_chosen.resize(static_cast<size_t>(keep));
    m_trials.resize(static_cast<size_t>(keep * codebooks));
    m_rests.resize(static_cast<size_t>(keep * dim));
    for (int64_t m = 0; m < codebooks; ++m)
        m_tables.emplace_back(std::span(words).subspan(at(m, 0), static_cast<size_t>(count * dim)), count,
                              dim);
}

void AdditiveSearch::setBlock(const float* block, int64_t stride) {
    for (CodewordTable& table : m_tables) table.weigh(block, stride);
    std::fill(m_images.begin(), m_images.end(), 0.0F);
    multiplyAdd(m_codebooks * m_count, m_dim, m_dim, m_words.data(), m_dim, block, stride, m_images.data(),
                m_dim, 1.0F);
}

/// aim - H v_others: what a codebook's word is best for beside the words that `trial` has of the others.
void AdditiveSearch::aimOf(int64_t book, const int32_t* trial, float* rest) const {
    std::copy(m_aim.begin(), m_aim.end(), rest);
    for (int64_t other = 0; other < m_codebooks; ++other) {
        if (other == book) continue;
        const float* image = m_images.data() + at(other, trial[other]);
        for (int64_t d = 0; d < m_dim; ++d) rest[d] -= image[d];
    }
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
    aimOf(book, m_present.data(), m_rests.data());
    m_tables[static_cast<size_t>(book)].nearestFew(m_rests.data(), m_order, m_scores);
    const auto keep = static_cast<int64_t>(m_order.size());
    for (int64_t t = 0; t < keep; ++t) {
        int32_t* trial = m_trials.data() + t * m_codebooks;
        std::copy(m_present.begin(), m_present.end(), trial);
        trial[book] = m_order[static_cast<size_t>(t)];
    }
    for (int64_t other = 0; other < m_codebooks; ++other) {
        if (other == book) continue;
        for (int64_t t = 0; t < keep; ++t)
            aimOf(other, m_trials.data() + t * m_codebooks, m_rests.data() + t * m_dim);
        m_tables[static_cast<size_t>(other)].nearest(m_rests.data(), m_chosen);
        for (int64_t t = 0; t < keep; ++t)
            m_trials[static_cast<size_t>(t * m_codebooks + other)] = m_chosen[static_cast<size_t>(t)];
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
