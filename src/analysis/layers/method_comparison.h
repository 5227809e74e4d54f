// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/evaluation/evaluation.h"

namespace quantscope {

/// What a variant costs and what it loses; smaller is better in both.
struct TradeOff {
    double cost = 0;
    double loss = 0;
};

/// Indices of the points that no other point beats, by ascending cost: q beats p when it is no worse in both
/// and better in one. Of equal points the first is kept; points that are not finite are left out.
/// (2, 9) (4, 5) (4, 6) (8, 5) -> 0, 1.
std::vector<size_t> paretoFront(std::span<const TradeOff> points);

/// What a variant loses against the reference. Perplexity: exp(mean negative log-likelihood). MeanKl: mean
/// over tokens of KL(reference || variant), nats; 0 for the reference.
enum class ComparedBy : uint8_t { Perplexity, MeanKl };

/// One variant of a comparison.
struct ComparedVariant {
    size_t variant = 0;  ///< index into the scores
    double bitsPerWeight = 0;
    double loss = 0;
    /// Of `loss`. Perplexity: perplexity * standard error of the paired difference of log-likelihoods, which
    /// is what tells variants apart on one text (the perplexity's own is about the choice of the text).
    double standardError = 0;
};

/// All variants of an evaluation: loss over size.
struct VariantComparison {
    std::vector<ComparedVariant> variants;  ///< scored ones, in their order; the reference is scores[0]
    std::vector<size_t> front;              ///< paretoFront() of them: indices into `variants`
    double reference = 0;                   ///< the reference's loss
};

VariantComparison compareVariants(std::span<const VariantScore> scores, ComparedBy measure);

}  // namespace quantscope
