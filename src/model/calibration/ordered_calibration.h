// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "kernels/float_gemm.h"
#include "methods/interface/input_order.h"
#include "model/calibration/calibration.h"
#include "model/evaluation/variant_plan.h"
#include "model/forward/block_operators.h"
#include "model/forward/rotary_table.h"

namespace quantscope {

/// Statistics of the inputs that the layers of one plan see after the layers before them were quantized (the
/// order of GPTQ's own code): the calibration text goes through each block once more as soon as the block is
/// made, weights and activations as the plan executes them. Within a block the layers still read the float
/// layers' outputs (InputOrder::Quantized), or those of the layers that are made already: q, k, v; o; gate,
/// up; down (InputOrder::TrueSequential). Memory: the hidden states of the text, one block. Blocks in running
/// order; an earlier one starts over. One thread at a time.
class OrderedCalibration {
 public:
    OrderedCalibration(const Model& model, const KernelTable& kernels, const CalibrationOptions& options,
                       VariantPlan plan)
        : m_model(model),
          m_kernels(kernels),
          m_options(options),
          m_plan(std::move(plan)),
          m_runner(model.config(), kernels) {}

    /// Embeds the text, unless that is done.
    Status begin(const Job& job);
    /// Of the input of `layer`, whose block is the next one to be made. `made`: the block's operators,
    /// complete for all input points before the layer's.
    Result<std::shared_ptr<const CalibrationStatistics>> statistics(const LinearInfo& layer, InputOrder order,
                                                                    std::span<const LinearOperator> made,
                                                                    const Job& job);
    /// A block stands as the plan wants it: the text will go through it before the next is looked at. Nothing
    /// happens before begin(), and with blocks out of order.
    Status finished(int64_t block, const BlockOperators& operators, const Job& job);
    /// The block whose input is known, or about to be: 0 at first.
    [[nodiscard]] int64_t next() const { return m_pending ? m_next + 1 : m_next; }
    /// Forgets everything but the text: block 0 is the next one.
    void restart();

    [[nodiscard]] const VariantPlan& plan() const { return m_plan; }
    [[nodiscard]] bool begun() const { return !m_hidden.empty(); }
    /// Goes on from where another plan's text is, whose layers have been the same so far.
    void follow(const OrderedCalibration& other);

 private:
    Status settle(const Job& job);
    Status collect(const BlockOperators& operators, std::optional<int> only, BlockStatistics& seen,
                   const Job& job);
    Result<BlockOperators> floatBlock(const Job& job);

    const Model& m_model;
    const KernelTable& m_kernels;
    CalibrationOptions m_options;
    VariantPlan m_plan;
    BlockRunner m_runner;
    std::optional<RotaryTable> m_rotary;
    std::vector<float> m_hidden;  ///< [tokens x hidden], the input of block m_next; empty = not started
    int64_t m_next = 0;
    std::optional<BlockOperators> m_pending;  ///< block m_next as it was made
    BlockStatistics m_together;               ///< InputOrder::Quantized, of block m_next
    BlockStatistics m_inTurn;                 ///< InputOrder::TrueSequential, likewise
};

}  // namespace quantscope
