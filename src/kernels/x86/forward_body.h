// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/forward_kernels.h"
#include "kernels/reference/tables.h"
#include "kernels/x86/attention_body.h"
#include "kernels/x86/float_panel.h"

// The rows of a forward pass, written once over a vector type V; see elementwise_body.h for the rule that
// keeps instantiations local to their object file.

namespace quantscope::forward {

/// Calls step(i, lanes) over a row.
template <class V, class Step>
void overRow(int64_t count, const Step& step) {
    int64_t i = 0;
    for (; i + V::kLanes <= count; i += V::kLanes) step(i, V::kLanes);
    if (i < count) step(i, static_cast<int>(count - i));
}

/// A row's elements, `fill` in the lanes past its end.
template <class V>
typename V::F take(const float* src, int lanes, typename V::F fill) {
    return lanes == V::kLanes ? V::load(src) : V::firstLanes(V::loadPart(src, lanes), fill, lanes);
}

template <class V>
void put(float* dst, typename V::F x, int lanes) {
    lanes == V::kLanes ? V::store(dst, x) : V::storePart(dst, x, lanes);
}

/// Sums of many vectors: float within a block, double across blocks.
template <class V>
struct LongSum {
    typename V::F block = V::zero();
    double total = 0;
    void flush() {
        total += static_cast<double>(V::sum(block));
        block = V::zero();
    }
};
constexpr int64_t kBlock = 1024;

template <class V>
void rmsNorm(const float* src, const float* weight, float* dst, int64_t count, float epsilon) {
    using F = typename V::F;
    F sum0 = V::zero(), sum1 = V::zero();
    int64_t i = 0;
    for (; i + 2 * V::kLanes <= count; i += 2 * V::kLanes) {
        const F a = V::load(src + i);
        const F b = V::load(src + i + V::kLanes);
        sum0 = V::fma(a, a, sum0);
        sum1 = V::fma(b, b, sum1);
    }
    for (; i < count; i += V::kLanes) {
        const F a =
            take<V>(src + i, count - i < V::kLanes ? static_cast<int>(count - i) : V::kLanes, V::zero());
        sum0 = V::fma(a, a, sum0);
    }
    const double mean =
        count > 0 ? static_cast<double>(V::sum(V::add(sum0, sum1))) / static_cast<double>(count) : 0;
    const F factor = V::set(static_cast<float>(1 / __builtin_sqrt(mean + static_cast<double>(epsilon))));
    overRow<V>(count, [&](int64_t j, int lanes) {
        const F x = V::mul(take<V>(src + j, lanes, V::zero()), factor);
        put<V>(dst + j, V::mul(x, take<V>(weight + j, lanes, V::zero())), lanes);
    });
}

template <class V>
float largest(const float* src, int64_t count) {
    typename V::F best = V::set(-__builtin_inff());
    const typename V::F floor = best;
    overRow<V>(count, [&](int64_t i, int lanes) {
        best = V::max(take<V>(src + i, lanes, floor), best);  // the second operand where the first is NaN
    });
    return V::largest(best);
}

template <class V>
void softmax(const float* src, float* dst, int64_t count, int64_t visible, float scale) {
    using F = typename V::F;
    const F factor = V::set(scale);
    F best = V::set(-__builtin_inff());
    const F floor = best;
    overRow<V>(visible, [&](int64_t i, int lanes) {
        const F x = V::mul(take<V>(src + i, lanes, V::zero()), factor);
        best = V::max(V::firstLanes(x, floor, lanes), best);
    });
    const F shift = V::set(V::largest(best));
    LongSum<V> sum;
    overRow<V>(visible, [&](int64_t i, int lanes) {
        const F x = V::mul(take<V>(src + i, lanes, V::zero()), factor);
        const F e = exponential<V>(V::sub(x, shift));
        put<V>(dst + i, e, lanes);
        sum.block = V::add(sum.block, V::firstLanes(e, V::zero(), lanes));
        if ((i & (kBlock - 1)) == 0) sum.flush();
    });
    sum.flush();
    const F inverse = V::set(static_cast<float>(1 / sum.total));
    overRow<V>(visible, [&](int64_t i, int lanes) {
        put<V>(dst + i, V::mul(take<V>(dst + i, lanes, V::zero()), inverse), lanes);
    });
    for (int64_t i = visible; i < count; ++i) dst[i] = 0;
}

template <class V>
void siluMultiply(const float* gate, const float* up, float* dst, int64_t count) {
    using F = typename V::F;
    const F one = V::set(1.0F);
    overRow<V>(count, [&](int64_t i, int lanes) {
        const F g = take<V>(gate + i, lanes, V::zero());
        const F u = take<V>(up + i, lanes, V::zero());
        const F sigmoid = V::div(g, V::add(one, exponential<V>(V::sub(V::zero(), g))));
        put<V>(dst + i, V::mul(sigmoid, u), lanes);
    });
}

template <class V>
void addInPlace(const float* src, float* dst, int64_t count) {
    overRow<V>(count, [&](int64_t i, int lanes) {
        const auto sum = V::add(take<V>(dst + i, lanes, V::zero()), take<V>(src + i, lanes, V::zero()));
        put<V>(dst + i, sum, lanes);
    });
}

template <class V>
void rotateHalves(float* head, const float* cosines, const float* sines, int64_t pairs) {
    using F = typename V::F;
    overRow<V>(pairs, [&](int64_t i, int lanes) {
        const F a = take<V>(head + i, lanes, V::zero());
        const F b = take<V>(head + pairs + i, lanes, V::zero());
        const F c = take<V>(cosines + i, lanes, V::zero());
        const F s = take<V>(sines + i, lanes, V::zero());
        put<V>(head + i, V::sub(V::mul(a, c), V::mul(b, s)), lanes);
        put<V>(head + pairs + i, V::add(V::mul(a, s), V::mul(b, c)), lanes);
    });
}

template <class V>
void rotatePairs(float* head, const float* cosines, const float* sines, int64_t pairs) {
    for (int64_t i = 0; i < pairs; ++i) {
        const float a = head[2 * i];
        const float b = head[2 * i + 1];
        head[2 * i] = a * cosines[i] - b * sines[i];
        head[2 * i + 1] = a * sines[i] + b * cosines[i];
    }
}

/// sum_i exp(src_i - shift).
template <class V>
double exponentialSum(const float* src, int64_t count, float shift) {
    const auto low = V::set(-__builtin_inff());
    const auto shifts = V::set(shift);
    LongSum<V> sum;
    overRow<V>(count, [&](int64_t i, int lanes) {
        sum.block = V::add(sum.block, exponential<V>(V::sub(take<V>(src + i, lanes, low), shifts)));
        if ((i & (kBlock - 1)) == 0) sum.flush();
    });
    sum.flush();
    return sum.total;
}

template <class V>
int64_t firstEqual(const float* src, int64_t count, float value) {
    const auto wanted = V::set(value);
    int64_t i = 0;
    while (i + V::kLanes <= count && !V::any(V::equal(V::load(src + i), wanted))) i += V::kLanes;
    for (; i < count; ++i) {
        if (src[i] == value) return i;
    }
    return 0;
}

template <class V>
int64_t argmax(const float* src, int64_t count) {
    const float best = largest<V>(src, count);
    // -inf may be the initial value only: all NaN, or NaN before the first -inf.
    if (best == -__builtin_inff()) return kReferenceForward.argmax(src, count);
    return firstEqual<V>(src, count, best);
}

template <class V>
double logSumExpFrom(const float* src, int64_t count, float best) {
    if (best - best != 0) return static_cast<double>(src[argmax<V>(src, count)]);
    return static_cast<double>(best) + __builtin_log(exponentialSum<V>(src, count, best));
}

template <class V>
double logSumExp(const float* src, int64_t count) {
    return logSumExpFrom<V>(src, count, largest<V>(src, count));
}

template <class V>
LogitStatistics logitStatistics(const float* logits, int64_t count, int64_t target) {
    LogitStatistics result;
    result.maxIndex = argmax<V>(logits, count);
    result.maximum = logits[result.maxIndex];
    result.logSumExp = logSumExpFrom<V>(logits, count, result.maximum);
    result.nll = target < 0 ? 0 : result.logSumExp - static_cast<double>(logits[target]);
    return result;
}

/// With e_i = exp(ref_i - lseRef): kl = sum e_i (ref_i - z_i) / sum e_i - (lseRef - lse). The differences of
/// logits are taken before anything is rounded, so that a small divergence keeps its digits.
template <class V>
LogitDivergence logitDivergence(const float* reference, double referenceLogSumExp, const float* logits,
                                double logSumExp, int64_t count) {
    using F = typename V::F;
    const F shift = V::set(static_cast<float>(referenceLogSumExp));
    const F threshold = V::set(-16.0F);
    const F low = V::set(-__builtin_inff());
    LongSum<V> weight, weightAbove, product, productAbove;
    const auto flush = [&] {
        weight.flush();
        weightAbove.flush();
        product.flush();
        productAbove.flush();
    };
    overRow<V>(count, [&](int64_t i, int lanes) {
        const F ref = take<V>(reference + i, lanes, low);
        const F logReference = V::sub(ref, shift);
        const F e = exponential<V>(logReference);
        F difference = V::sub(ref, take<V>(logits + i, lanes, V::zero()));
        if (lanes != V::kLanes) difference = V::firstLanes(difference, V::zero(), lanes);
        const F term = V::mul(e, difference);
        const typename V::M above = V::less(threshold, logReference);
        weight.block = V::add(weight.block, e);
        product.block = V::add(product.block, term);
        weightAbove.block = V::add(weightAbove.block, V::keep(above, e));
        productAbove.block = V::add(productAbove.block, V::keep(above, term));
        if ((i & (kBlock - 1)) == 0) flush();
    });
    flush();
    const double offset = referenceLogSumExp - logSumExp;
    return {product.total / weight.total - offset,
            (productAbove.total - offset * weightAbove.total) / weight.total};
}

template <class V>
constexpr ForwardKernels table() {
    ForwardKernels t{};
    t.rmsNorm = rmsNorm<V>;
    t.softmax = softmax<V>;
    t.siluMultiply = siluMultiply<V>;
    t.addInPlace = addInPlace<V>;
    t.rotatePairs = rotatePairs<V>;
    t.rotateHalves = rotateHalves<V>;
    t.attention = attention<V>;
    t.logSumExp = logSumExp<V>;
    t.argmax = argmax<V>;
    t.logitStatistics = logitStatistics<V>;
    t.logitDivergence = logitDivergence<V>;
    t.productPanel = FloatPanel<V>::run;
    return t;
}

}  // namespace quantscope::forward
