// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace quantscope {

/// Arguments of one attention call: all query heads that share one key/value head (grouped-query attention;
/// heads = 1 is multi-head), a run of consecutive queries, all keys so far. Element (query i, head h, d) of
/// Q lies at query[i * queryStride + h * headStride + d]; dst likewise with its own strides; element (key j,
/// d) of K at key[j * keyStride + d], V likewise. Strides count floats.
struct AttentionCall {
    const float* query = nullptr;
    int64_t queryStride = 0;
    int64_t headStride = 0;
    const float* key = nullptr;
    int64_t keyStride = 0;
    const float* value = nullptr;
    int64_t valueStride = 0;
    float* dst = nullptr;
    int64_t dstStride = 0;
    int64_t dstHeadStride = 0;
    int64_t heads = 1;
    int64_t queries = 0;
    int64_t headDim = 0;
    int64_t keys = 0;           ///< rows of K and V
    int64_t firstPosition = 0;  ///< query i sees the keys 0 .. firstPosition + i, at most `keys` of them
    float scale = 1;            ///< softmax(scale Q K^T) V; 1/sqrt(headDim) as a rule
};

/// Statistics of one row of logits z: p_i = exp(z_i - logSumExp).
struct LogitStatistics {
    double logSumExp = 0;  ///< ln sum_i exp(z_i)
    double nll = 0;        ///< logSumExp - z_target; 0 when target < 0
    float maximum = 0;
    int64_t maxIndex = 0;  ///< the first of equal maxima
};

/// Kullback-Leibler divergence of a row of logits from a reference row.
struct LogitDivergence {
    double kl = 0;       ///< sum over all i of p_ref (ln p_ref - ln p), in nats
    double klAbove = 0;  ///< the same over ln p_ref > -16 only: what llama-perplexity's statistics sum
};

/// One panel of a packed float weight times some rows: y_ij (+)= sum_k x_ik w_jk, k in order, one fused
/// multiply-add a step (`accumulate` adds the finished sum). A panel holds `width` = 16 or 32 columns (output
/// channels): floats [depth][width], aligned to 64 bytes.
struct FloatPanelCall {
    const float* x = nullptr;  ///< row i at x + i * xStride
    int64_t xStride = 0;
    int64_t rows = 0;
    const float* panel = nullptr;
    int64_t width = 0;
    int64_t columns = 0;  ///< of `width`, those that exist; others are not written
    int64_t depth = 0;
    float* y = nullptr;
    int64_t yStride = 0;
    bool accumulate = false;
};

/// What a Llama forward pass needs. Row by row, on consecutive floats, in the
/// calling thread; the caller cuts the work and starts threads. Argument order: sources, destination, sizes,
/// parameters. The reference table computes sums and exponentials in double; the fast tables compute in float
/// with an exponential accurate to 2 units in the last place (e^-104 and below: 0 or the smallest subnormal)
/// and agree with the reference to about 1e-6 relative; logSumExp, nll and kl to 1e-6 absolute (relative
/// where they exceed 1).
struct ForwardKernels {
    /// dst_i = src_i / sqrt(mean(src^2) + epsilon) * weight_i. dst may equal src.
    void (*rmsNorm)(const float* src, const float* weight, float* dst, int64_t count, float epsilon);
    /// dst_i = exp(scale src_i - max) / sum over i < visible; dst_i = 0 for visible <= i < count. dst may
    /// equal src. 1 <= visible <= count.
    void (*softmax)(const float* src, float* dst, int64_t count, int64_t visible, float scale);
    /// dst_i = gate_i / (1 + exp(-gate_i)) * up_i. dst may equal gate or up.
    void (*siluMultiply)(const float* gate, const float* up, float* dst, int64_t count);
    /// dst_i += src_i.
    void (*addInPlace)(const float* src, float* dst, int64_t count);
    /// Rotary embedding of one head in place, pairs (2i, 2i+1) as in GGUF's llama layout: (a, b) becomes
    /// (a cos_i - b sin_i, a sin_i + b cos_i). The tables hold `pairs` values for the token's position.
    void (*rotatePairs)(float* head, const float* cosines, const float* sines, int64_t pairs);
    /// The same with pairs (i, i + pairs): Hugging Face's layout.
    void (*rotateHalves)(float* head, const float* cosines, const float* sines, int64_t pairs);
    /// Causal attention; keys are visited in blocks, so memory does not grow with the window.
    void (*attention)(const AttentionCall& call);
    /// ln sum_i exp(src_i), stable for any size of the values. count >= 1.
    double (*logSumExp)(const float* src, int64_t count);
    /// Index of the largest value, the first of equals; NaN is never the largest. count >= 1.
    int64_t (*argmax)(const float* src, int64_t count);
    /// One pass over a row of logits (two when it does not fit the cache).
    LogitStatistics (*logitStatistics)(const float* logits, int64_t count, int64_t target);
    /// Divergence from `reference`, given both rows' logSumExp.
    LogitDivergence (*logitDivergence)(const float* reference, double referenceLogSumExp, const float* logits,
                                       double logSumExp, int64_t count);
    /// Every table gives the same bits.
    void (*productPanel)(const FloatPanelCall& call);
};

}  // namespace quantscope
