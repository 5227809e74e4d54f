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

const Tensor* BlockOperators::norm(NormPlace place) const {
    const auto found = std::ranges::find(norms, place, &BlockNorm::place);
    return found == norms.end() ? nullptr : &found->weight;
}

struct BlockRunner::Call {
    const BlockOperators& block;
    std::span<const LinearInfo> layers;
    const RotaryTable& rotary;
    float* hidden;
    int64_t rows;
    const Tap& tap;
    KeyValueCache* cache;
    std::optional<int> until;
    bool ended = false;  ///< `until` was reached

    [[nodiscard]] size_t indexOf(LayerRole role) const {
        const auto found = std::ranges::find(layers, role, &LinearInfo::role);
        assert(found != layers.end());
        return static_cast<size_t>(found - layers.begin());
    }
};

/// src becomes the input of the layer with this role and of all that read the same point. Where the run ends
/// here, the tap is shown it for the first of them.
void BlockRunner::enter(Call& call, LayerRole reader, const std::vector<float>& src) {
    const LinearInfo& layer = call.layers[call.indexOf(reader)];
    m_input = {src.data(), call.rows, layer.inFeatures, layer.inFeatures};
    m_linear.setInput(m_input);
    call.ended = call.tap && call.until == layer.inputPoint;
    if (!call.ended) return;
    const auto first = std::ranges::find(call.layers, layer.inputPoint, &LinearInfo::inputPoint);
    call.tap(*first, TapPoint::Input, m_input);
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

/// Every head [headDim] of every row by itself; without a weight nothing happens.
void BlockRunner::normalizeHeads(std::vector<float>& vectors, int64_t heads, const Tensor* weight,
                                 int64_t rows) {
    if (weight == nullptr) return;
    const StageTimer timer(m_times.elementwise);
    const float* weights = weight->floats().data();
    const int64_t width = m_config.headDim;
    parallelFor(rows * heads, kRowsAtOnce * heads, [&](int64_t begin, int64_t end) {
        for (int64_t head = begin; head < end; ++head) {
            float* values = vectors.data() + head * width;
            m_kernels.rmsNorm(values, weights, values, width, m_config.normEpsilon);
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

Status BlockRunner::multiply(const Call& call, LayerRole role, std::vector<float>& dst) {
    const size_t index = call.indexOf(role);
    const LinearOperator& op = call.block.linears[index];
    const int64_t width = op.outputs();
    grow(dst, call.rows * width);
    const LinearInfo& layer = call.layers[index];
    if (call.tap) call.tap(layer, TapPoint::Input, m_input);
    if (Status done = m_linear.multiply(op, dst.data()); !done) return done;
    if (call.tap) call.tap(layer, TapPoint::Output, {dst.data(), call.rows, width, width});
    return {};
}

/// hidden += src W^T + bias. Without a tap or a bias the sum is made inside the product.
Status BlockRunner::multiplyOnto(const Call& call, LayerRole role) {
    const LinearOperator& op = call.block.linears[call.indexOf(role)];
    if (!call.tap && op.bias.size() == 0) return m_linear.multiplyOnto(op, call.hidden);
    if (Status done = multiply(call, role, m_out); !done) return done;
    addTo(call.hidden, m_out, call.rows);
    return {};
}

/// gate = SiLU(gate) * src Wup^T, likewise.
Status BlockRunner::multiplyUp(const Call& call) {
    const LinearOperator& up = call.block.linears[call.indexOf(LayerRole::Up)];
    if (call.tap || up.integer || up.bias.size() > 0) {
        if (Status done = multiply(call, LayerRole::Up, m_up); !done) return done;
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

Status BlockRunner::attention(Call& call) {
    normalize(call.hidden, *call.block.norm(NormPlace::BeforeAttention), m_normed, call.rows);
    enter(call, LayerRole::Query, m_normed);
    if (call.ended) return {};
    if (Status done = multiply(call, LayerRole::Query, m_query); !done) return done;
    if (Status done = multiply(call, LayerRole::Key, m_key); !done) return done;
    if (Status done = multiply(call, LayerRole::Value, m_value); !done) return done;
    normalizeHeads(m_query, m_config.heads, call.block.norm(NormPlace::QueryHeads), call.rows);
    normalizeHeads(m_key, m_config.keyValueHeads, call.block.norm(NormPlace::KeyHeads), call.rows);
    const int64_t first = call.cache == nullptr ? 0 : call.cache->length;
    rotate(m_query, m_config.heads, call.rotary, call.rows, first);
    rotate(m_key, m_config.keyValueHeads, call.rotary, call.rows, first);
    if (call.cache == nullptr) {
        attend(call.rows, m_key.data(), m_value.data(), first);
    } else {
        remember(*call.cache, call.rows);
        attend(call.rows, call.cache->keys.data(), call.cache->values.data(), first);
    }
    enter(call, LayerRole::AttentionOutput, m_attended);
    if (call.ended) return {};
    return multiplyOnto(call, LayerRole::AttentionOutput);
}

Status BlockRunner::feedForward(Call& call) {
    normalize(call.hidden, *call.block.norm(NormPlace::BeforeFeedForward), m_normed, call.rows);
    enter(call, LayerRole::Gate, m_normed);
    if (call.ended) return {};
    if (Status done = multiply(call, LayerRole::Gate, m_gate); !done) return done;
    if (Status done = multiplyUp(call); !done) return done;
    enter(call, LayerRole::Down, m_gate);
    if (call.ended) return {};
    return multiplyOnto(call, LayerRole::Down);
}

Status BlockRunner::run(const BlockOperators& block, std::span<const LinearInfo> layers,
                        const RotaryTable& rotary, float* hidden, int64_t rows, const Tap& tap,
                        KeyValueCache* cache, std::optional<int> until) {
    assert(rows + (cache == nullptr ? 0 : cache->length) <= rotary.positions());
    Call call{block, layers, rotary, hidden, rows, tap, cache, until};
    if (Status done = attention(call); !done || call.ended) return done;
    return feedForward(call);
}

}  // namespace quantscope
