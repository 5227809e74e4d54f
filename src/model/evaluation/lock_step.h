// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "model/evaluation/windows.h"
#include "model/forward/block_operators.h"
#include "model/forward/embedding.h"
#include "model/weights/linear_weights.h"

namespace quantscope {

/// One variant on its way through the model.
struct Lane {
    VariantPlan plan;
    std::optional<Embedding> embedding;
    std::vector<std::optional<BlockOperators>> blocks;  ///< kept in chunk-major order only
    double seconds = 0;                                 ///< spent in this lane
    std::optional<Error> error;                         ///< it failed and runs no further
};

/// Whether a failure on one lane's way is the whole run's: it was stopped, or the folder that keeps layers of
/// all variants cannot be written. Any other ends that lane alone.
bool endsTheRun(const Error& error);

/// Takes several variants through the blocks side by side. Variants that have been equal so far share one
/// hidden state, which the first of them (the leader) computes; a variant parts from its leader at the first
/// block that differs. A variant that fails gets its error and leaves, together with those that have been
/// equal so far and would fail alike; nothing of it stays in the others' states.
class LockStep {
 public:
    LockStep(const Model& model, const KernelTable& kernels, WeightStore& store)
        : m_model(model), m_kernels(kernels), m_store(store), m_runner(model.config(), kernels) {}

    /// Embeds the windows for `active` lanes (ascending indices into `lanes`, none of them failed). Errors
    /// are those that end the run, here and below.
    Status begin(std::vector<Lane>& lanes, const std::vector<size_t>& active, const WindowedText& text,
                 std::span<const Window> windows, const RotaryTable& rotary, const Job& job);
    /// All windows through one block. `keepBlocks`: the operators stay in the lanes for the next call.
    Status advance(int64_t block, bool keepBlocks, const Job& job);

    /// After the last block: whose hidden state holds for this lane, and that state of window i [length x
    /// hidden].
    [[nodiscard]] size_t leaderOf(size_t lane) const { return leaderAt(m_model.config().blocks - 1, lane); }
    [[nodiscard]] const float* hidden(size_t lane, size_t window) const;
    /// Where the time went: set-up of the weights and the blocks.
    [[nodiscard]] StageTimes times() const;

 private:
    [[nodiscard]] size_t leaderAt(int64_t block, size_t lane) const;
    Status embed(size_t lane, const WindowedText& text, const Job& job);
    Status runBlock(size_t lane, int64_t block, bool keepBlocks, const Job& job);
    /// Takes the lanes that `leader` led at that block out of the run; the error itself if it ends the run.
    Status drop(size_t leader, int64_t block, const Error& error);
    Result<const BlockOperators*> operatorsOf(Lane& lane, int64_t block, bool keep, const Job& job);

    const Model& m_model;
    const KernelTable& m_kernels;
    WeightStore& m_store;
    BlockRunner m_runner;
    std::vector<Lane>* m_lanes = nullptr;
    std::vector<size_t> m_active;
    std::vector<std::vector<int64_t>>
        m_agreement;  ///< [lane][earlier lane]: blocks equal, -1 = not even the embedding
    std::vector<Window> m_windows;
    std::vector<int64_t> m_offsets;  ///< of each window's rows
    const RotaryTable* m_rotary = nullptr;
    std::vector<std::vector<float>> m_hidden;  ///< by lane; empty while a leader's holds
    BlockOperators m_temporary;
    double m_setupSeconds = 0;
};

}  // namespace quantscope
