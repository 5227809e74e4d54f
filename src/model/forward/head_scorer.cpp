// SPDX-License-Identifier: Apache-2.0
#include "model/forward/head_scorer.h"

#include <algorithm>

#include "base/out_of_memory.h"
#include "base/parallel_for.h"
#include "model/forward/block_operators.h"

namespace quantscope {
namespace {

/// Rows of logits at once: with a vocabulary of 49,152 two tiles are 24 MiB.
constexpr int64_t kTileRows = 64;
constexpr int64_t kTileBytes = int64_t{16} << 20;

Status failLane(Lane& lane, const Error& error) {
    if (endsTheRun(error)) return fail(error);
    lane.error = error;
    return {};
}

}  // namespace

uint64_t ReferenceRows::bytes() const {
    return values.size() * sizeof(float) + logSumExp.size() * sizeof(double) + top.size() * sizeof(int64_t);
}

/// Some consecutive scored positions of one window.
struct HeadScorer::Tile {
    const WindowedText& text;
    const Window& window;
    size_t windowIndex;
    int64_t first;  ///< scored position, from the window's first scored one
    int64_t rows;
    size_t offset;  ///< of its first row in the scores
    bool llamaCppKl;
    [[nodiscard]] int32_t target(int64_t row) const { return text.target(window, first + row); }
};

Status HeadScorer::open() {
    auto norm = m_model.weight(kFinalNormName);
    if (!norm) return fail(norm.error());
    m_norm = std::move(*norm);
    return {};
}

Result<LinearOperator> HeadScorer::headOf(const Lane& lane, const Job& job) {
    const StageTimer timer(m_times.setup);
    return makeHead(m_store, lane.plan, Job(job.stopToken()));
}

void HeadScorer::normalize(const float* hidden, int64_t rows) {
    const StageTimer timer(m_times.elementwise);
    const int64_t width = m_model.config().hidden;
    m_rows.resize(static_cast<size_t>(rows * width));
    parallelFor(rows, 8, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            m_kernels.forward.rmsNorm(hidden + row * width, m_norm.floats().data(),
                                      m_rows.data() + row * width, width, m_model.config().normEpsilon);
        }
    });
}

void HeadScorer::scoreReference(const Tile& tile, const float* logits, TokenScores& scores,
                                ReferenceRows& kept) {
    const StageTimer timer(m_times.headStatistics);
    const int64_t vocabulary = m_model.config().vocabulary;
    parallelFor(tile.rows, 1, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            const LogitStatistics found =
                m_kernels.forward.logitStatistics(logits + row * vocabulary, vocabulary, tile.target(row));
            const size_t at = tile.offset + static_cast<size_t>(row);
            scores.nll[at] = found.nll;
            scores.kl[at] = 0;
            scores.sameTop[at] = 1;
            kept.logSumExp[at] = found.logSumExp;
            kept.top[at] = found.maxIndex;
        }
    });
}

void HeadScorer::scoreOther(const Tile& tile, const float* logits, const ReferenceRows& kept,
                            TokenScores& scores) {
    const StageTimer timer(m_times.headStatistics);
    const int64_t vocabulary = m_model.config().vocabulary;
    parallelFor(tile.rows, 1, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            const float* own = logits + row * vocabulary;
            const LogitStatistics found =
                m_kernels.forward.logitStatistics(own, vocabulary, tile.target(row));
            const size_t at = tile.offset + static_cast<size_t>(row);
            const LogitDivergence divergence =
                m_kernels.forward.logitDivergence(m_referenceLogits.data() + row * vocabulary,
                                                  kept.logSumExp[at], own, found.logSumExp, vocabulary);
            scores.nll[at] = found.nll;
            scores.kl[at] = tile.llamaCppKl ? divergence.klAbove : divergence.kl;
            scores.sameTop[at] = found.maxIndex == kept.top[at] ? 1 : 0;
        }
    });
}

Status HeadScorer::scoreTile(const Tile& tile, const LockStep& steps, std::vector<Lane>& lanes,
                             const std::vector<size_t>& active, ReferenceRows& kept,
                             std::vector<TokenScores>& scores, const Job& job) {
    const ModelConfig& config = m_model.config();
    const auto logitCount = static_cast<size_t>(tile.rows * config.vocabulary);
    const auto at = static_cast<std::ptrdiff_t>(tile.offset) * kept.width;
    resizeFor(m_referenceLogits, logitCount, "rows of logits");
    resizeFor(m_logits, logitCount, "rows of logits");
    const auto project = [&](const Lane& lane, const float* rows, std::vector<float>& logits) -> Status {
        auto head = headOf(lane, job);
        if (!head) return fail(head.error());
        const StageTimer timer(m_times.headProduct);
        m_linear.setInput({rows, tile.rows, config.hidden, config.hidden});
        return m_linear.multiply(*head, logits.data());
    };
    const bool runsReference = !active.empty() && active.front() == 0;
    if (!runsReference && kept.areLogits) {
        std::copy_n(kept.values.begin() + at, logitCount, m_referenceLogits.begin());
    } else if (!runsReference) {
        const Status done = project(lanes[0], kept.values.data() + at, m_referenceLogits);
        if (!done) return failLane(lanes[0], done.error());
    }
    for (const size_t lane : active) {
        if (lanes[lane].error) continue;
        const StageTimer laneTimer(lanes[lane].seconds);
        const size_t leader = steps.leaderOf(lane);
        const auto same = std::ranges::find_if(active, [&](size_t other) {
            return other == lane || (other < lane && steps.leaderOf(other) == leader &&
                                     lanes[other].plan.layers.back() == lanes[lane].plan.layers.back() &&
                                     lanes[other].plan.inputs.back() == lanes[lane].plan.inputs.back());
        });
        if (*same != lane) {  // the same model as an earlier lane
            lanes[lane].error = lanes[*same].error;
            const TokenScores& source = scores[*same];
            for (size_t i = tile.offset; i < tile.offset + static_cast<size_t>(tile.rows); ++i) {
                scores[lane].nll[i] = source.nll[i];
                scores[lane].kl[i] = source.kl[i];
                scores[lane].sameTop[i] = source.sameTop[i];
            }
            continue;
        }
        normalize(
            steps.hidden(lane, tile.windowIndex) + (tile.window.firstScored + tile.first) * config.hidden,
            tile.rows);
        std::vector<float>& logits = lane == 0 ? m_referenceLogits : m_logits;
        if (const Status done = project(lanes[lane], m_rows.data(), logits); !done) {
            if (Status going = failLane(lanes[lane], done.error()); !going || lane == 0) return going;
            continue;
        }
        if (lane == 0) {
            scoreReference(tile, logits.data(), scores[0], kept);
            const std::vector<float>& source = kept.areLogits ? logits : m_rows;
            if (kept.width > 0) {
                std::copy_n(source.begin(), static_cast<size_t>(tile.rows * kept.width),
                            kept.values.begin() + at);
            }
        } else {
            scoreOther(tile, logits.data(), kept, scores[lane]);
        }
    }
    return {};
}

Status HeadScorer::score(const WindowedText& text, const Window& window, size_t windowIndex,
                         const LockStep& steps, std::vector<Lane>& lanes, const std::vector<size_t>& active,
                         size_t offset, bool llamaCppKl, ReferenceRows& kept,
                         std::vector<TokenScores>& scores, const Job& job) {
    const int64_t rowBytes = m_model.config().vocabulary * static_cast<int64_t>(sizeof(float));
    const int64_t tileRows = std::clamp<int64_t>(kTileBytes / rowBytes, kTileRows, 512);
    for (int64_t first = 0; first < window.scored; first += tileRows) {
        if (job.stopRequested()) return fail(ErrorKind::Cancelled, "the evaluation was stopped");
        const Tile tile{text,
                        window,
                        windowIndex,
                        first,
                        std::min(tileRows, window.scored - first),
                        offset + static_cast<size_t>(first),
                        llamaCppKl};
        Status done = scoreTile(tile, steps, lanes, active, kept, scores, job);
        if (!done || lanes[0].error) return done;
    }
    return {};
}

}  // namespace quantscope
