// SPDX-License-Identifier: Apache-2.0
#include "model/evaluation/lock_step.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/out_of_memory.h"

namespace quantscope {
namespace {

/// Blocks over which two plans are equal; -1 when already the embedding differs.
int64_t agreement(const Model& model, const VariantPlan& a, const VariantPlan& b) {
    if (a.embedding != b.embedding) return -1;
    const int64_t blocks = model.config().blocks;
    const size_t count = model.linearsUntil(blocks - 1);
    size_t equal = 0;
    while (equal < count && a.layers[equal] == b.layers[equal] && a.inputs[equal] == b.inputs[equal]) ++equal;
    return equal < count ? model.linears()[equal].block : blocks;
}

}  // namespace

bool endsTheRun(const Error& error) {
    return error.kind == ErrorKind::Cancelled || error.kind == ErrorKind::CannotWrite;
}

size_t LockStep::leaderAt(int64_t block, size_t lane) const {
    for (const size_t other : m_active) {
        if (other == lane || m_agreement[lane][other] > block) return other;
    }
    return lane;
}

const float* LockStep::hidden(size_t lane, size_t window) const {
    return m_hidden[leaderOf(lane)].data() + m_offsets[window] * m_model.config().hidden;
}

StageTimes LockStep::times() const {
    StageTimes times = m_runner.times();
    times.setup += m_setupSeconds;
    return times;
}

Status LockStep::begin(std::vector<Lane>& lanes, const std::vector<size_t>& active, const WindowedText& text,
                       std::span<const Window> windows, const RotaryTable& rotary, const Job& job) {
    m_lanes = &lanes;
    m_rotary = &rotary;
    if (m_agreement.size() != lanes.size()) {
        m_agreement.assign(lanes.size(), std::vector<int64_t>(lanes.size(), -1));
        for (size_t lane = 0; lane < lanes.size(); ++lane) {
            for (size_t other = 0; other < lane; ++other) {
                m_agreement[lane][other] = agreement(m_model, lanes[lane].plan, lanes[other].plan);
            }
        }
    }
    m_active = active;
    m_windows.assign(windows.begin(), windows.end());
    m_offsets.assign(1, 0);
    for (const Window& window : m_windows) m_offsets.push_back(m_offsets.back() + window.length);
    m_hidden.resize(lanes.size());
    for (const size_t lane : active) {
        if (lanes[lane].error || leaderAt(-1, lane) != lane) continue;
        const Status embedded = embed(lane, text, job);
        if (embedded) continue;
        if (Status going = drop(lane, -1, embedded.error()); !going) return going;
    }
    return {};
}

Status LockStep::embed(size_t lane, const WindowedText& text, const Job& job) {
    const int64_t width = m_model.config().hidden;
    Lane& current = (*m_lanes)[lane];
    if (!current.embedding) {
        auto opened = Embedding::open(m_model, current.plan.embedding, m_kernels, job);
        if (!opened) return fail(opened.error());
        current.embedding = std::move(*opened);
    }
    resizeFor(m_hidden[lane], static_cast<size_t>(m_offsets.back() * width),
              "the hidden states of a variant");
    for (size_t i = 0; i < m_windows.size(); ++i)
        current.embedding->look(text.input(m_windows[i]), m_hidden[lane].data() + m_offsets[i] * width);
    return {};
}

Status LockStep::drop(size_t leader, int64_t block, const Error& error) {
    if (endsTheRun(error)) return fail(error);
    std::vector<size_t> failed;
    for (const size_t lane : m_active)
        if (leaderAt(block, lane) == leader) failed.push_back(lane);
    for (const size_t lane : failed) {
        Lane& current = (*m_lanes)[lane];
        current.error = error;
        current.embedding.reset();
        current.blocks.clear();
        m_hidden[lane] = {};
        std::erase(m_active, lane);
    }
    return {};
}

Result<const BlockOperators*> LockStep::operatorsOf(Lane& lane, int64_t block, bool keep, const Job& job) {
    const auto index = static_cast<size_t>(block);
    const StageTimer timer(m_setupSeconds);
    if (keep) lane.blocks.resize(static_cast<size_t>(m_model.config().blocks));
    if (keep && lane.blocks[index]) return &*lane.blocks[index];
    auto made = makeBlock(m_store, lane.plan, block, Job(job.stopToken()));
    if (!made) return fail(made.error());
    if (keep) return &lane.blocks[index].emplace(std::move(*made));
    m_temporary = std::move(*made);
    return &m_temporary;
}

Status LockStep::advance(int64_t block, bool keepBlocks, const Job& job) {
    // Later lanes first: one that parts here copies its leader's state before the leader moves on.
    const std::vector<size_t> lanes = m_active;
    for (auto at = lanes.rbegin(); at != lanes.rend(); ++at) {
        if ((*m_lanes)[*at].error || leaderAt(block, *at) != *at) continue;
        const Status done = runBlock(*at, block, keepBlocks, job);
        if (done) continue;
        if (Status going = drop(*at, block, done.error()); !going) return going;
    }
    return {};
}

Status LockStep::runBlock(size_t lane, int64_t block, bool keepBlocks, const Job& job) {
    const int64_t width = m_model.config().hidden;
    Lane& current = (*m_lanes)[lane];
    const StageTimer watch(current.seconds);
    if (const size_t before = leaderAt(block - 1, lane); before != lane) m_hidden[lane] = m_hidden[before];
    auto operators = operatorsOf(current, block, keepBlocks, job);
    if (!operators) return fail(operators.error());
    for (size_t i = 0; i < m_windows.size(); ++i) {
        if (job.stopRequested()) return fail(ErrorKind::Cancelled, "the evaluation was stopped");
        Status done = m_runner.run(**operators, m_model.blockLinears(block), *m_rotary,
                                   m_hidden[lane].data() + m_offsets[i] * width, m_windows[i].length);
        if (!done) return done;
    }
    return {};
}

}  // namespace quantscope
