// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/evaluation/evaluation.h"

namespace quantscope {

/// What one variant made of every scored token, in the order of the text.
struct TokenScores {
    std::vector<double> nll;
    std::vector<double> kl;     ///< to the reference; 0 for the reference itself
    std::vector<char> sameTop;  ///< the most likely token is the reference's
    void reserve(size_t count);
    void resize(size_t count);
    [[nodiscard]] size_t size() const { return nll.size(); }
    [[nodiscard]] uint64_t bytes() const { return nll.size() * (2 * sizeof(double) + 1); }
};

/// Mean and its standard error sqrt((E[x^2] - E[x]^2) / (n - 1)); the error is 0 below two values.
struct MeanWithError {
    double mean = 0;
    double standardError = 0;
};
MeanWithError meanWithError(std::span<const double> values);

/// Linear interpolation at f (n - 1) of the sorted values, as llama-perplexity prints them.
Percentiles percentilesOf(std::vector<double> values);

/// Fills everything of a score that follows from the first `count` tokens. Formulas as in llama-perplexity:
/// mean nll and ln ratio with the standard error of paired differences, KL mean and percentiles, Delta p =
/// exp(-nll) - exp(-nll of the reference) with its RMS (error by propagation: 0.5 / rms * error of the mean
/// square), share of equal top tokens (error sqrt(p (1 - p) / (n - 1))), Pearson correlation of the nll.
/// `withPercentiles` = false leaves the percentiles as they are (they need a sort).
void fillStatistics(VariantScore& score, const TokenScores& reference, const TokenScores& variant,
                    size_t count, bool withPercentiles);

}  // namespace quantscope
