// SPDX-License-Identifier: Apache-2.0
#include "model/forward/block_runner.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "base/parallel_for.h"

namespace quantscope {
namespace {

constexpr int64_t kRowsAtOnce = 16;
/// Queries of one attention task: small enough to balance two cores, large enough to reuse the keys.
constexpr int64_t kQueriesAtOnce = 64;
constexpr int64_t kElementsAtOnce = 16384;

void grow(std::vector<float>& buffer, int64_t count) {
    if (buffer.size() < static_cast<size_t>(count)) buffer.resize(static_cast<size_t>(count));
}

}  // namespace

InputPoint inputPointOf(LinearKind kind) {
    switch (kind) {
        case LinearKind::AttentionOutput:
            return InputPoint::AttentionOutput;
        case LinearKind::Gate:
        case LinearKind::Up:
            return InputPoint::FeedForward;
        case LinearKind::Down:
            return InputPoint::Down;
        default:
            return InputPoint::Attention;
    }
}

struct BlockRunner::Call {
    const BlockOperators& block;
    std::span<const LinearInfo> layers;
    const RotaryTable& rotary;
    float* hidden;
    int64_t rows;
    const Tap& tap;
    KeyValueCache* cache;
    std::optional<InputPoint> until;
};

/// The run ends here: the tap has been shown the input of the first layer that reads it.
bool BlockRunner::endsAt(const Call& call, InputPoint point) const {
    if (!call.tap || call.until != point) return false;
    const auto reader = std::ranges::find(call.layers, point,
                                          [](const LinearInfo& layer) { return inputPointOf(layer.kind); });
    call.tap(*reader, TapPoint::Input, m_input);
    return true;
}

void BlockRunner::normalize(const float* src, const Tensor& weight, std::vector<float>& dst, int64_t rows) {
    const StageTimer timer(m_times.elementwise);
    const int64_t width = m_config.hidden;
    grow(dst, rows * width);
    const float* weights = weight.floats().data();
    parallelFor(rows, kRowsAtOnce, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            m_kernels.rmsNorm(src + row * width, weights, dst.data() + row * width, width,
                              m_config.normEpsilon);
        }
    });
}

void BlockRunner::rotate(std::vector<float>& vectors, int64_t heads, const RotaryTable& rotary, int64_t rows,
                         int64_t firstPosition) {
    const StageTimer timer(m_times.elementwise);
    const auto turn =
        m_config.rotaryLayout == RotaryLayout::Pairs ? m_kernels.rotatePairs : m_kernels.rotateHalves;
    const int64_t width = heads * m_config.headDim;
    parallelFor(rows, kRowsAtOnce, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            for (int64_t head = 0; head < heads; ++head) {
                turn(vectors.data() + row * width + head * m_config.headDim,
                     rotary.cosines(firstPosition + row), rotary.sines(firstPosition + row), rotary.pairs());
            }
        }
    });
}

void BlockRunner::remember(KeyValueCache& cache, int64_t rows) {
    const int64_t width = m_config.keyValueHeads * m_config.headDim;
    cache.length += rows;
    grow(cache.keys, cache.length * width);
    grow(cache.values, cache.length * width);
    const int64_t offset = (cache.length - rows) * width;
    std::copy_n(m_key.data(), rows * width, cache.keys.data() + offset);
    std::copy_n(m_value.data(), rows * width, cache.values.data() + offset);
}

void BlockRunner::attend(int64_t rows, const float* keys, const float* values, int64_t firstPosition) {
    const StageTimer timer(m_times.attention);
    const int64_t group = m_config.heads / m_config.keyValueHeads;
    const int64_t queryWidth = m_config.heads * m_config.headDim;
    const int64_t keyWidth = m_config.keyValueHeads * m_config.headDim;
    grow(m_attended, rows * queryWidth);
    const int64_t tiles = (rows + kQueriesAtOnce - 1) / kQueriesAtOnce;
    parallelFor(tiles * m_config.keyValueHeads, 1, [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; ++task) {
            // Late queries see more keys: start with them, so that the short tasks even out the end.
            const int64_t first = (tiles - 1 - task / m_config.keyValueHeads) * kQueriesAtOnce;
            const int64_t head = task % m_config.keyValueHeads;
            AttentionCall call;
            call.query = m_query.data() + first * queryWidth + head * group * m_config.headDim;
            call.queryStride = queryWidth;
            call.headStride = m_config.headDim;
            call.key = keys + head * m_config.headDim;
            call.keyStride = keyWidth;
            call.value = values + head * m_config.headDim;
            call.valueStride = keyWidth;
            call.dst = m_attended.data() + first * queryWidth + head * group * m_config.headDim;
            call.dstStride = queryWidth;
            call.dstHeadStride = m_config.headDim;
            call.heads = group;
            call.queries = std::min(kQueriesAtOnce, rows - first);
            call.headDim = m_config.headDim;
            call.keys = firstPosition + rows;
            call.firstPosition = firstPosition + first;
            call.scale = 1.0F / std::sqrt(static_cast<float>(m_config.headDim));
            m_kernels.attention(call);
        }
    });
}

void BlockRunner::setInput(const std::vector<float>& src, int64_t rows, int64_t cols) {
    m_input = {src.data(), rows, cols, cols};
    m_linear.setInput(m_input);
}

Status BlockRunner::multiply(const Call& call, LinearKind kind, std::vector<float>& dst) {
    const LinearOperator& op = call.block.linears[static_cast<size_t>(kind)];
    const int64_t width = op.outputs();
    grow(dst, call.rows * width);
    const LinearInfo& layer = call.layers[static_cast<size_t>(kind)];
    if (call.tap) call.tap(layer, TapPoint::Input, m_input);
    if (Status done = m_linear.multiply(op, dst.data()); !done) return done;
    if (call.tap) call.tap(layer, TapPoint::Output, {dst.data(), call.rows, width, width});
    return {};
}

/// hidden += src W^T. Without a tap the sum is made inside the product.
Status BlockRunner::multiplyOnto(const Call& call, LinearKind kind) {
    if (!call.tap) return m_linear.multiplyOnto(call.block.linears[static_cast<size_t>(kind)], call.hidden);
    if (Status done = multiply(call, kind, m_out); !done) return done;
    addTo(call.hidden, m_out, call.rows);
    return {};
}

/// gate = SiLU(gate) * src Wup^T, likewise.
Status BlockRunner::multiplyUp(const Call& call) {
    const LinearOperator& up = call.block.linears[static_cast<size_t>(LinearKind::Up)];
    if (call.tap || up.integer) {
        if (Status done = multiply(call, LinearKind::Up, m_up); !done) return done;
        activate(call.rows);
        return {};
    }
    const int64_t width = up.outputs();
    return m_linear.multiply(up, [&](const ProductTile& tile) {
        for (int64_t row = 0; row < tile.rows; ++row) {
            float* gate = m_gate.data() + (tile.firstRow + row) * width + tile.firstColumn;
            m_kernels.siluMultiply(gate, tile.values + row * tile.columns, gate, tile.columns);
        }
    });
}

void BlockRunner::addTo(float* hidden, const std::vector<float>& src, int64_t rows) {
    const StageTimer timer(m_times.elementwise);
    parallelFor(rows * m_config.hidden, kElementsAtOnce, [&](int64_t begin, int64_t end) {
        m_kernels.addInPlace(src.data() + begin, hidden + begin, end - begin);
    });
}

/// SiLU(gate) * up, in the place of gate.
void BlockRunner::activate(int64_t rows) {
    const StageTimer timer(m_times.elementwise);
    parallelFor(rows * m_config.feedForward, kElementsAtOnce, [&](int64_t begin, int64_t end) {
        m_kernels.siluMultiply(m_gate.data() + begin, m_up.data() + begin, m_gate.data() + begin,
                               end - begin);
    });
}

Status BlockRunner::attention(const Call& call) {
    normalize(call.hidden, call.block.attentionNorm, m_normed, call.rows);
    setInput(m_normed, call.rows, m_config.hidden);
    if (endsAt(call, InputPoint::Attention)) return {};
    if (Status done = multiply(call, LinearKind::Query, m_query); !done) return done;
    if (Status done = multiply(call, LinearKind::Key, m_key); !done) return done;
    if (Status done = multiply(call, LinearKind::Value, m_value); !done) return done;
    const int64_t first = call.cache == nullptr ? 0 : call.cache->length;
    rotate(m_query, m_config.heads, call.rotary, call.rows, first);
    rotate(m_key, m_config.keyValueHeads, call.rotary, call.rows, first);
    if (call.cache == nullptr) {
        attend(call.rows, m_key.data(), m_value.data(), first);
    } else {
        remember(*call.cache, call.rows);
        attend(call.rows, call.cache->keys.data(), call.cache->values.data(), first);
    }
    setInput(m_attended, call.rows, m_config.heads * m_config.headDim);
    if (endsAt(call, InputPoint::AttentionOutput)) return {};
    return multiplyOnto(call, LinearKind::AttentionOutput);
}

Status BlockRunner::feedForward(const Call& call) {
    normalize(call.hidden, call.block.feedForwardNorm, m_normed, call.rows);
    setInput(m_normed, call.rows, m_config.hidden);
    if (endsAt(call, InputPoint::FeedForward)) return {};
    if (Status done = multiply(call, LinearKind::Gate, m_gate); !done) return done;
    if (Status done = multiplyUp(call); !done) return done;
    setInput(m_gate, call.rows, m_config.feedForward);
    if (endsAt(call, InputPoint::Down)) return {};
    return multiplyOnto(call, LinearKind::Down);
}

Status BlockRunner::run(const BlockOperators& block, std::span<const LinearInfo> layers,
                        const RotaryTable& rotary, float* hidden, int64_t rows, const Tap& tap,
                        KeyValueCache* cache, std::optional<InputPoint> until) {
    assert(rows + (cache == nullptr ? 0 : cache->length) <= rotary.positions());
    const Call call{block, layers, rotary, hidden, rows, tap, cache, until};
    if (Status done = attention(call); !done) return done;
    if (tap && (until == InputPoint::Attention || until == InputPoint::AttentionOutput)) return {};
    return feedForward(call);
}

}  // namespace quantscope
