// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/reference/tables.h"

namespace quantscope {
namespace {

void rmsNorm(const float* src, const float* weight, float* dst, int64_t count, float epsilon) {
    double squares = 0;
    for (int64_t i = 0; i < count; ++i) squares += static_cast<double>(src[i]) * src[i];
    const double factor = 1 / std::sqrt(squares / static_cast<double>(std::max<int64_t>(count, 1)) + epsilon);
    for (int64_t i = 0; i < count; ++i) dst[i] = static_cast<float>(src[i] * factor) * weight[i];
}

void softmax(const float* src, float* dst, int64_t count, int64_t visible, float scale) {
    double largest = -std::numeric_limits<double>::infinity();
    for (int64_t i = 0; i < visible; ++i) largest = std::max(largest, static_cast<double>(scale) * src[i]);
    double sum = 0;
    for (int64_t i = 0; i < visible; ++i) sum += std::exp(static_cast<double>(scale) * src[i] - largest);
    for (int64_t i = 0; i < visible; ++i) {
        dst[i] = static_cast<float>(std::exp(static_cast<double>(scale) * src[i] - largest) / sum);
    }
    std::fill(dst + visible, dst + count, 0.0F);
}

void siluMultiply(const float* gate, const float* up, float* dst, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
        const double g = gate[i];
        dst[i] = static_cast<float>(g / (1 + std::exp(-g)) * up[i]);
    }
}

void addInPlace(const float* src, float* dst, int64_t count) {
    for (int64_t i = 0; i < count; ++i) dst[i] += src[i];
}

void rotatePairs(float* head, const float* cosines, const float* sines, int64_t pairs) {
    for (int64_t i = 0; i < pairs; ++i) {
        const float a = head[2 * i];
        const float b = head[2 * i + 1];
        head[2 * i] = a * cosines[i] - b * sines[i];
        head[2 * i + 1] = a * sines[i] + b * cosines[i];
    }
}

void rotateHalves(float* head, const float* cosines, const float* sines, int64_t pairs) {
    for (int64_t i = 0; i < pairs; ++i) {
        const float a = head[i];
        const float b = head[i + pairs];
        head[i] = a * cosines[i] - b * sines[i];
        head[i + pairs] = a * sines[i] + b * cosines[i];
    }
}

/// One query of one head: all scores, their softmax, the weighted sum of the values.
void attendOne(const AttentionCall& call, const float* query, float* dst, int64_t visible) {
    std::vector<double> weights(static_cast<size_t>(visible));
    double largest = -std::numeric_limits<double>::infinity();
    for (int64_t j = 0; j < visible; ++j) {
        double score = 0;
        for (int64_t d = 0; d < call.headDim; ++d) {
            score += static_cast<double>(query[d]) * call.key[j * call.keyStride + d];
        }
        weights[static_cast<size_t>(j)] = score * call.scale;
        largest = std::max(largest, score * call.scale);
    }
    double sum = 0;
    for (double& weight : weights) sum += weight = std::exp(weight - largest);
    for (int64_t d = 0; d < call.headDim; ++d) {
        double total = 0;
        for (int64_t j = 0; j < visible; ++j) {
            total += weights[static_cast<size_t>(j)] * call.value[j * call.valueStride + d];
        }
        dst[d] = static_cast<float>(total / sum);
    }
}

void attention(const AttentionCall& call) {
    for (int64_t h = 0; h < call.heads; ++h) {
        for (int64_t i = 0; i < call.queries; ++i) {
            attendOne(call, call.query + i * call.queryStride + h * call.headStride,
                      call.dst + i * call.dstStride + h * call.dstHeadStride,
                      std::min(call.keys, call.firstPosition + i + 1));
        }
    }
}

int64_t argmax(const float* src, int64_t count) {
    int64_t best = 0;
    for (int64_t i = 1; i < count; ++i) {
        if (src[i] > src[best] || (std::isnan(src[best]) && !std::isnan(src[i]))) best = i;
    }
    return best;
}

double logSumExp(const float* src, int64_t count) {
    const double largest = src[argmax(src, count)];
    if (std::isinf(largest)) return largest;
    double sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += std::exp(src[i] - largest);
    return largest + std::log(sum);
}

LogitStatistics logitStatistics(const float* logits, int64_t count, int64_t target) {
    LogitStatistics result;
    result.maxIndex = argmax(logits, count);
    result.maximum = logits[result.maxIndex];
    result.logSumExp = logSumExp(logits, count);
    result.nll = target < 0 ? 0 : result.logSumExp - logits[target];
    return result;
}

LogitDivergence logitDivergence(const float* reference, double referenceLogSumExp, const float* logits,
                                double logSumExp, int64_t count) {
    LogitDivergence result;
    for (int64_t i = 0; i < count; ++i) {
        const double logReference = reference[i] - referenceLogSumExp;
        const double term = std::exp(logReference) * (logReference - (logits[i] - logSumExp));
        result.kl += term;
        if (logReference > -16) result.klAbove += term;
    }
    return result;
}

void productPanel(const FloatPanelCall& call) {
    for (int64_t i = 0; i < call.rows; ++i) {
        const float* x = call.x + i * call.xStride;
        std::array<float, 32> sums{};
        for (int64_t k = 0; k < call.depth; ++k) {
            const float* w = call.panel + k * call.width;
            for (int64_t j = 0; j < call.columns; ++j) {
                float& sum = sums[static_cast<size_t>(j)];
                sum = std::fma(x[k], w[j], sum);
            }
        }
        float* y = call.y + i * call.yStride;
        for (int64_t j = 0; j < call.columns; ++j) {
            const float sum = sums[static_cast<size_t>(j)];
            y[j] = call.accumulate ? y[j] + sum : sum;
        }
    }
}

}  // namespace

const ForwardKernels kReferenceForward = {rmsNorm,     softmax,         siluMultiply,    addInPlace,
                                          rotatePairs, rotateHalves,    attention,       logSumExp,
                                          argmax,      logitStatistics, logitDivergence, productPanel};

}  // namespace quantscope
