// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "kernels/float_gemm.h"
#include "kernels/kernel_table.h"
#include "model/forward/forward.h"
#include "model/forward/linear_runner.h"
#include "model/forward/rotary_table.h"
#include "model/forward/stage_times.h"
#include "model/model.h"

namespace quantscope {

/// A norm of a block and its weight.
struct BlockNorm {
    NormPlace place = NormPlace::BeforeAttention;
    Tensor weight;
};

/// One block, ready to run: what a variant has put in the place of its layers.
struct BlockOperators {
    std::vector<BlockNorm> norms;
    std::vector<LinearOperator> linears;  ///< for Model::blockLinears()

    /// The norm's weight; null where the block has none.
    [[nodiscard]] const Tensor* norm(NormPlace place) const;
};

/// Keys and values of the tokens a block has seen, for runs that go on where the last one ended.
struct KeyValueCache {
    std::vector<float> keys;  ///< [length x width], width = keyValueHeads * headDim
    std::vector<float> values;
    int64_t length = 0;  ///< tokens
};

/// Runs one block over one window. Keeps its working memory between calls; one thread at a time.
class BlockRunner {
 public:
    BlockRunner(const ModelConfig& config, const KernelTable& kernels)
        : m_config(config), m_kernels(kernels.forward), m_linear(kernels, m_times) {}
    BlockRunner(const BlockRunner&) = delete;
    BlockRunner& operator=(const BlockRunner&) = delete;

    /// hidden [rows x config.hidden] is replaced by the block's output; rows <= rotary.positions(). `layers`
    /// are the block's, which `block.linears` stand for. `cache`: the rows follow the tokens in it and are
    /// added to it. Errors come from activation quantizers and integer products only. With a tap and `until`
    /// (an input point), the run ends when the tap has seen that point's input; `hidden` then holds what was
    /// reached.
    Status run(const BlockOperators& block, std::span<const LinearInfo> layers, const RotaryTable& rotary,
               float* hidden, int64_t rows, const Tap& tap = {}, KeyValueCache* cache = nullptr,
               std::optional<int> until = {});

    /// Where the calls so far have spent their time.
    [[nodiscard]] const StageTimes& times() const { return m_times; }

 private:
    struct Call;
    void enter(Call& call, LayerRole reader, const std::vector<float>& src);
    Status attention(Call& call);
    Status feedForward(Call& call);
    void normalize(const float* src, const Tensor& weight, std::vector<float>& dst, int64_t rows);
    void normalizeHeads(std::vector<float>& vectors, int64_t heads, const Tensor* weight, int64_t rows);
    void rotate(std::vector<float>& vectors, int64_t heads, const RotaryTable& rotary, int64_t rows,
                int64_t firstPosition);
    void remember(KeyValueCache& cache, int64_t rows);
    void attend(int64_t rows, const float* keys, const float* values, int64_t firstPosition);
    Status multiply(const Call& call, LayerRole role, std::vector<float>& dst);
    Status multiplyOnto(const Call& call, LayerRole role);
    Status multiplyUp(const Call& call);
    void activate(int64_t rows);
    void addTo(float* hidden, const std::vector<float>& src, int64_t rows);

    const ModelConfig& m_config;
    const ForwardKernels& m_kernels;
    StageTimes m_times;
    LinearRunner m_linear;
    MatrixView m_input;  ///< of the layers at hand, as it came
    std::vector<float> m_normed;
    std::vector<float> m_query;
    std::vector<float> m_key;
    std::vector<float> m_value;
    std::vector<float> m_attended;
    std::vector<float> m_gate;
    std::vector<float> m_up;
    std::vector<float> m_out;
};

}  // namespace quantscope
