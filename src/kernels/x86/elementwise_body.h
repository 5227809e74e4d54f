// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/elementwise_kernels.h"
#include "kernels/x86/elementwise_groups.h"
#include "kernels/x86/elementwise_measure.h"
#include "kernels/x86/elementwise_scan.h"

// Passes that quantize, and the table of all of them. See elementwise_groups.h for what V is.

namespace quantscope::elementwise {

template <class V>
void storeVector(float* dst, typename V::F value, int lanes, bool streaming) {
    if (lanes != V::kLanes) {
        V::storePart(dst, value, lanes);
    } else if (streaming && (reinterpret_cast<uintptr_t>(dst) & (sizeof(value) - 1)) == 0) {
        V::stream(dst, value);
    } else {
        V::store(dst, value);
    }
}

template <class V, Rounding mode, bool streaming>
void fakeRun(const float* src, float* dst, int64_t count, const GroupRun& run, const QuantizeParams& params) {
    const Shared<V> shared(params);
    overGroups<V>(count, run, shared, [&](int64_t i, int lanes, const Group<V>& group) {
        const uint64_t element = params.firstElement + static_cast<uint64_t>(i);
        const bool whole = lanes == V::kLanes;
        const auto r = V::numberOrZero(whole ? V::load(src + i) : V::loadPart(src + i, lanes));
        const auto value = group.value(codeVector<V, mode>(r, group, shared, element), shared);
        storeVector<V>(dst + i, value, lanes, streaming);
    });
    if (streaming) V::fence();
}

template <class V, Rounding mode>
void encodeRun(const float* src, int32_t* dst, int64_t count, const GroupRun& run,
               const QuantizeParams& params) {
    const Shared<V> shared(params);
    overGroups<V>(count, run, shared, [&](int64_t i, int lanes, const Group<V>& group) {
        const uint64_t element = params.firstElement + static_cast<uint64_t>(i);
        const bool whole = lanes == V::kLanes;
        const auto r = V::numberOrZero(whole ? V::load(src + i) : V::loadPart(src + i, lanes));
        const auto codes = V::toInt(codeVector<V, mode>(r, group, shared, element));
        whole ? V::storeInt(dst + i, codes) : V::storeIntPart(dst + i, codes, lanes);
    });
}

template <class V, Rounding mode>
ErrorSplit errorRun(const float* src, float* dst, bool streaming, int64_t count, const GroupRun& run,
                    const QuantizeParams& params) {
    using F = typename V::F;
    const Shared<V> shared(params);
    typename V::D signal{}, dot{}, output{}, rounding{}, clipping{};
    F maxAbs = V::zero();
    int64_t clippedCount = 0;
    overGroups<V>(count, run, shared, [&](int64_t i, int lanes, const Group<V>& group) {
        const uint64_t element = params.firstElement + static_cast<uint64_t>(i);
        const bool whole = lanes == V::kLanes;
        const F r = V::numberOrZero(whole ? V::load(src + i) : V::loadPart(src + i, lanes));
        F value = group.value(codeVector<V, mode>(r, group, shared, element), shared);
        if (dst != nullptr) storeVector<V>(dst + i, value, lanes, streaming);
        const typename V::M below = V::less(r, group.low);
        const typename V::M above = V::less(group.high, r);
        if (!whole) value = V::firstLanes(value, lanes);
        const F error = V::sub(r, value);
        maxAbs = V::max(V::abs(error), maxAbs);
        const typename V::D wide = V::widen(r);
        const typename V::D wideValue = V::widen(value);
        V::addProducts(signal, wide, wide);
        V::addProducts(dot, wide, wideValue);
        V::addProducts(output, wideValue, wideValue);
        if (!V::anyOf(below, above)) {
            const typename V::D wideError = V::widen(error);
            V::addProducts(rounding, wideError, wideError);
            return;
        }
        typename V::M clipped = V::either(below, above);
        if (!whole) clipped = V::firstLanes(clipped, lanes);
        const typename V::D inside = V::widen(V::drop(clipped, error));
        const typename V::D outside = V::widen(V::keep(clipped, error));
        V::addProducts(rounding, inside, inside);
        V::addProducts(clipping, outside, outside);
        clippedCount += V::countTrue(clipped);
    });
    if (streaming) V::fence();
    ErrorSplit split;
    split.count = count;
    split.clippedCount = clippedCount;
    split.clippingSse = V::sum(clipping);
    split.roundingSse = V::sum(rounding);
    split.maxAbs = V::largest(maxAbs);
    split.signalSse = V::sum(signal);
    split.dotProduct = V::sum(dot);
    split.outputSse = V::sum(output);
    return split;
}

template <class V>
void fakeQuantizeGroups(const float* src, float* dst, int64_t count, const GroupRun& run,
                        const QuantizeParams& params) {
    byRounding<V>(params.rounding,
                  [&]<Rounding mode>() { fakeRun<V, mode, false>(src, dst, count, run, params); });
}

template <class V>
void fakeQuantizeGroupsStreaming(const float* src, float* dst, int64_t count, const GroupRun& run,
                                 const QuantizeParams& params) {
    byRounding<V>(params.rounding,
                  [&]<Rounding mode>() { fakeRun<V, mode, true>(src, dst, count, run, params); });
}

template <class V>
ErrorSplit quantizeErrorGroups(const float* src, int64_t count, const GroupRun& run,
                               const QuantizeParams& params) {
    return byRounding<V>(params.rounding, [&]<Rounding mode>() {
        return errorRun<V, mode>(src, nullptr, false, count, run, params);
    });
}

template <class V>
ErrorSplit fakeQuantizeErrorGroups(const float* src, float* dst, int64_t count, const GroupRun& run,
                                   const QuantizeParams& params, bool streaming) {
    return byRounding<V>(params.rounding, [&]<Rounding mode>() {
        return errorRun<V, mode>(src, dst, streaming, count, run, params);
    });
}

template <class V>
void encodeGroups(const float* src, int32_t* dst, int64_t count, const GroupRun& run,
                  const QuantizeParams& params) {
    byRounding<V>(params.rounding,
                  [&]<Rounding mode>() { encodeRun<V, mode>(src, dst, count, run, params); });
}

/// A run with one group: longer than itself, so that a single element is no column.
template <class V>
GroupRun oneGroup(const QuantizeParams& params, int64_t count) {
    return {&params.group, params.encodeDiffers ? &params.encode : nullptr, count + 1};
}
template <class V>
void fakeQuantize(const float* src, float* dst, int64_t count, const QuantizeParams& params) {
    fakeQuantizeGroups<V>(src, dst, count, oneGroup<V>(params, count), params);
}
template <class V>
ErrorSplit quantizeError(const float* src, int64_t count, const QuantizeParams& params) {
    return quantizeErrorGroups<V>(src, count, oneGroup<V>(params, count), params);
}
template <class V>
void encode(const float* src, int32_t* dst, int64_t count, const QuantizeParams& params) {
    encodeGroups<V>(src, dst, count, oneGroup<V>(params, count), params);
}

template <class V>
void decode(const int32_t* src, float* dst, int64_t count, const QuantizeParams& params) {
    const Shared<V> shared(params);
    const Group<V> group(params.group, params.group, shared);
    int64_t i = 0;
    for (; i + V::kLanes <= count; i += V::kLanes) {
        V::store(dst + i, group.value(V::fromInt(V::loadInt(src + i)), shared));
    }
    if (i < count) {
        const int lanes = static_cast<int>(count - i);
        V::storePart(dst + i, group.value(V::fromInt(V::loadIntPart(src + i, lanes)), shared), lanes);
    }
}

template <class V>
constexpr ElementwiseKernels table(void (*fromF16)(const uint16_t*, float*, int64_t),
                                   void (*fromBf16)(const uint16_t*, float*, int64_t)) {
    ElementwiseKernels t{};
    t.extremes = extremes<V>;
    t.fakeQuantize = fakeQuantize<V>;
    t.quantizeError = quantizeError<V>;
    t.encode = encode<V>;
    t.decode = decode<V>;
    t.histogram = histogram<V>;
    t.fakeQuantizeGroups = fakeQuantizeGroups<V>;
    t.fakeQuantizeGroupsStreaming = fakeQuantizeGroupsStreaming<V>;
    t.quantizeErrorGroups = quantizeErrorGroups<V>;
    t.fakeQuantizeErrorGroups = fakeQuantizeErrorGroups<V>;
    t.encodeGroups = encodeGroups<V>;
    t.measureGroups = measureGroups<V>;
    t.minMaxGroups = minMaxGroups<V>;
    t.minMaxColumns = minMaxColumns<V>;
    t.fromF16 = fromF16;
    t.fromBf16 = fromBf16;
    return t;
}

}  // namespace quantscope::elementwise
