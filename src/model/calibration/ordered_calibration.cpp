// SPDX-License-Identifier: Apache-2.0
#include "model/calibration/ordered_calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "base/out_of_memory.h"
#include "methods/interface/input_order.h"
#include "model/forward/embedding.h"

namespace quantscope {

Status OrderedCalibration::begin(const Job& job) {
    if (begun()) return {};
    const auto count = static_cast<int64_t>(m_options.tokens.size());
    if (Status valid = checkCalibrationText(m_model, m_options); !valid) return valid;
    auto rotary = makeRotary(m_model, std::min(m_options.window, count));
    if (!rotary) return fail(rotary.error());
    auto embedding = Embedding::open(m_model, m_plan.embedding, m_kernels, job.quiet());
    if (!embedding) return fail(embedding.error());
    m_rotary = std::move(*rotary);
    resizeFor(m_hidden, static_cast<size_t>(count * m_model.config().hidden),
              "the hidden states of the calibration text");
    embedding->look(m_options.tokens, m_hidden.data());
    return {};
}

void OrderedCalibration::restart() {
    m_hidden.clear();
    m_next = 0;
    m_pending.reset();
    m_together = {};
    m_inTurn = {};
}

void OrderedCalibration::follow(const OrderedCalibration& other) {
    assert(m_plan.sameUntil(other.m_plan, m_model.linearsUntil(other.next() - 1)));
    m_rotary = other.m_rotary;
    m_hidden = other.m_hidden;
    m_next = other.m_next;
    m_pending = other.m_pending;
}

/// Takes the text through the block that was made.
Status OrderedCalibration::settle(const Job& job) {
    if (Status started = begin(job); !started || !m_pending) return started;
    const int64_t width = m_model.config().hidden;
    const auto count = static_cast<int64_t>(m_options.tokens.size());
    for (int64_t begin = 0; begin < count; begin += m_options.window) {
        Status done = job.stopRequested() ? fail(ErrorKind::Cancelled, "the calibration was stopped")
                                          : m_runner.run(*m_pending, m_model.blockLinears(m_next), *m_rotary,
                                                         m_hidden.data() + begin * width,
                                                         std::min(m_options.window, count - begin));
        if (done) continue;
        restart();  // some windows have moved on, others have not
        return done;
    }
    m_pending.reset();
    m_together = {};
    m_inTurn = {};
    ++m_next;
    return {};
}

Result<BlockOperators> OrderedCalibration::floatBlock(const Job& job) {
    return makeFloatBlock(m_model, m_kernels, m_next, job.quiet());
}

/// Runs the block on a copy of its input and gathers what goes into the layers: at one point, or at all.
Status OrderedCalibration::collect(const BlockOperators& operators, std::optional<int> only,
                                   BlockStatistics& seen, const Job& job) {
    const int64_t width = m_model.config().hidden;
    const auto count = static_cast<int64_t>(m_options.tokens.size());
    CalibrationCollectors collectors(m_options, m_model.inputPoints(m_next).size());
    const Tap tap = [&](const LinearInfo& layer, TapPoint point, const MatrixView& values) {
        if (!only || layer.inputPoint == *only) collectors.see(layer, point, values);
    };
    // Nobody asks for the block's output.
    const auto last = static_cast<int>(m_model.inputPoints(m_next).size()) - 1;
    std::vector<float> window;
    for (int64_t begin = 0; begin < count; begin += m_options.window) {
        if (job.stopRequested()) return fail(ErrorKind::Cancelled, "the calibration was stopped");
        const int64_t rows = std::min(m_options.window, count - begin);
        const float* from = m_hidden.data() + begin * width;
        window.assign(from, from + rows * width);
        Status done = m_runner.run(operators, m_model.blockLinears(m_next), *m_rotary, window.data(), rows,
                                   tap, nullptr, only.value_or(last));
        if (!done) return done;
    }
    collectors.finish(seen);
    return {};
}

Result<std::shared_ptr<const CalibrationStatistics>> OrderedCalibration::statistics(
    const LinearInfo& layer, InputOrder order, std::span<const LinearOperator> made, const Job& job) {
    if (layer.block < 0) return fail(outsideCalibration(layer));
    if (Status ready = settle(job); !ready) return fail(ready.error());
    assert(layer.block == m_next);
    const int point = layer.inputPoint;
    const bool inTurn = order == InputOrder::TrueSequential;
    BlockStatistics& seen = inTurn ? m_inTurn : m_together;
    seen.resize(m_model.inputPoints(m_next).size());
    if (const auto& known = seen[static_cast<size_t>(point)]) return known;
    auto operators = floatBlock(job);
    if (!operators) return fail(operators.error());
    const auto layers = m_model.blockLinears(m_next);
    for (size_t i = 0; inTurn && i < layers.size(); ++i)
        if (layers[i].inputPoint < point) operators->linears[i] = made[i];
    const Status done = collect(*operators, inTurn ? std::optional(point) : std::nullopt, seen, job);
    if (!done) return fail(done.error());
    return seen[static_cast<size_t>(point)];
}

Status OrderedCalibration::finished(int64_t block, const BlockOperators& operators, const Job& job) {
    if (block != next() || !begun()) return {};
    if (Status ready = settle(job); !ready) return ready;
    m_pending = operators;
    return {};
}

}  // namespace quantscope
