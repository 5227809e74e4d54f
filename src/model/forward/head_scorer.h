// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "kernels/kernel_table.h"
#include "model/evaluation/lock_step.h"
#include "model/evaluation/token_statistics.h"
#include "model/evaluation/windows.h"
#include "model/forward/linear_runner.h"
#include "model/forward/stage_times.h"
#include "model/weights/linear_weights.h"

namespace quantscope {

/// What is kept of the reference's outcome, so that later runs need not compute it again: the logits if they
/// fit, otherwise the head's inputs.
struct ReferenceRows {
    std::vector<float> values;  ///< [scored tokens x width]
    int64_t width = 0;          ///< vocabulary or hidden; 0 = nothing is kept
    bool areLogits = false;
    std::vector<double> logSumExp;
    std::vector<int64_t> top;
    [[nodiscard]] uint64_t bytes() const;
};

/// Turns the last hidden states of a window into token scores: final norm, head and statistics for the scored
/// positions only, a few rows at a time, so that logits never fill more than two tiles.
class HeadScorer {
 public:
    HeadScorer(const Model& model, const KernelTable& kernels, WeightStore& store)
        : m_model(model), m_kernels(kernels), m_store(store), m_linear(kernels, m_productTimes) {}

    Status open();

    /// One window. Scores of lane v go to scores[v] from `offset` on. `active` are the lanes the lock step
    /// has just run; if the reference (lane 0) is not among them its rows in `kept` stand for it, otherwise
    /// they are filled from it. A lane that fails gets its error; when that is the reference's, nothing was
    /// scored. `llamaCppKl`: KL sums only reference probabilities above e^-16, as
    /// llama-perplexity.
    Status score(const WindowedText& text, const Window& window, size_t windowIndex, const LockStep& steps,
                 std::vector<Lane>& lanes, const std::vector<size_t>& active, size_t offset, bool llamaCppKl,
                 ReferenceRows& kept, std::vector<TokenScores>& scores, const Job& job);

    [[nodiscard]] const StageTimes& times() const { return m_times; }

 private:
    struct Tile;
    Result<LinearOperator> headOf(const Lane& lane, const Job& job);
    void normalize(const float* hidden, int64_t rows);
    void scoreReference(const Tile& tile, const float* logits, TokenScores& scores, ReferenceRows& kept);
    void scoreOther(const Tile& tile, const float* logits, const ReferenceRows& kept, TokenScores& scores);
    Status scoreTile(const Tile& tile, const LockStep& steps, std::vector<Lane>& lanes,
                     const std::vector<size_t>& active, ReferenceRows& kept, std::vector<TokenScores>& scores,
                     const Job& job);

    const Model& m_model;
    const KernelTable& m_kernels;
    WeightStore& m_store;
    StageTimes m_productTimes;  ///< within the head's product
    LinearRunner m_linear;
    Tensor m_norm;
    std::vector<float> m_rows;
    std::vector<float> m_referenceLogits;
    std::vector<float> m_logits;
    StageTimes m_times;
};

}  // namespace quantscope
