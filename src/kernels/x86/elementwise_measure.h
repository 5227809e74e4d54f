// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/elementwise_kernels.h"
#include "kernels/x86/elementwise_few_codes.h"
#include "kernels/x86/elementwise_groups.h"

// Everything a report needs of a run in one reading. See elementwise_groups.h for what V is.

namespace quantscope::elementwise {

template <class V>
void countUp(const Counters& counters, const int32_t* index, int count) {
    uint32_t* const first = counters.counts;
    uint32_t* const second = first + counters.stride;
    uint32_t* const third = second + counters.stride;
    uint32_t* const fourth = third + counters.stride;
    int j = 0;
    for (; j + 4 <= count; j += 4) {
        ++first[index[j]];
        ++second[index[j + 1]];
        ++third[index[j + 2]];
        ++fourth[index[j + 3]];
    }
    for (; j < count; ++j) ++first[index[j]];
}

/// Sums of one group while its vectors pass by. They stay in registers: nothing that is not inlined takes
/// their address.
template <class V>
struct GroupSums {
    typename V::D signal{}, dot{}, output{}, rounding{};
    typename V::F maxAbs = V::zero();
};

/// What rarely changes: elements beyond the representable range.
template <class V>
struct ClippedSums {
    typename V::D sse{};
    int64_t count = 0;
};

template <class V>
[[gnu::always_inline]] inline ErrorSplit splitOf(const GroupSums<V>& sums, const ClippedSums<V>& clipped,
                                                 int64_t count) {
    ErrorSplit s;
    s.count = count;
    s.clippedCount = clipped.count;
    s.clippingSse = clipped.count > 0 ? V::sum(clipped.sse) : 0;
    s.roundingSse = V::sum(sums.rounding);
    s.maxAbs = V::largest(sums.maxAbs);
    s.signalSse = V::sum(sums.signal);
    s.dotProduct = V::sum(sums.dot);
    s.outputSse = V::sum(sums.output);
    return s;
}

template <class V>
void addTo(double* sums, const typename V::D& factor) {
    typename V::D sum = V::loadDoubles(sums);
    V::addProducts(sum, factor, factor);
    V::storeDoubles(sums, sum);
}

template <class V>
[[gnu::noinline]] void addClipped(ClippedSums<V>& sums, typename V::M clipped, typename V::F error,
                                  const ColumnSinks& columns, int64_t i) {
    const typename V::D outside = V::widen(V::keep(clipped, error));
    V::addProducts(sums.sse, outside, outside);
    sums.count += V::countTrue(clipped);
    if (columns.signal == nullptr) return;
    alignas(64) float errors[V::kLanes];
    V::store(errors, error);
    for (unsigned bits = V::bits(clipped); bits != 0; bits &= bits - 1) {
        const int lane = __builtin_ctz(bits);
        const double e = static_cast<double>(errors[lane]);
        columns.clippingSse[i + lane] += e * e;
        ++columns.clipped[i + lane];
    }
}

template <class V>
void addColumns(const ColumnSinks& columns, int64_t i, const typename V::D& r, const typename V::D& value,
                const typename V::D& error, typename V::F magnitude) {
    addTo<V>(columns.signal + i, r);
    addTo<V>(columns.output + i, value);
    addTo<V>(columns.sse + i, error);
    V::store(columns.maxAbs + i, V::max(magnitude, V::load(columns.maxAbs + i)));
}

/// One vector; returns what the counters need: r^, r - r^ and the code.
template <class V, Rounding mode>
[[gnu::always_inline]] inline void measureVector(typename V::F r, int64_t i, int lanes, const Group<V>& group,
                                                 const Shared<V>& shared, uint64_t element,
                                                 const ColumnSinks& columns, GroupSums<V>& sums,
                                                 ClippedSums<V>& outside, typename V::F& code,
                                                 typename V::F& value, typename V::F& error) {
    const bool whole = lanes == V::kLanes;
    code = codeVector<V, mode>(r, group, shared, element);
    value = group.value(code, shared);
    if (!whole) value = V::firstLanes(value, lanes);
    error = V::sub(r, value);
    const typename V::F magnitude = V::abs(error);
    sums.maxAbs = V::max(magnitude, sums.maxAbs);
    const typename V::D wide = V::widen(r);
    const typename V::D wideValue = V::widen(value);
    const typename V::D wideError = V::widen(error);
    V::addProducts(sums.signal, wide, wide);
    V::addProducts(sums.dot, wide, wideValue);
    V::addProducts(sums.output, wideValue, wideValue);
    if (columns.signal != nullptr) addColumns<V>(columns, i, wide, wideValue, wideError, magnitude);
    const typename V::M below = V::less(r, group.low);
    const typename V::M above = V::less(group.high, r);
    if (!V::anyOf(below, above)) {
        V::addProducts(sums.rounding, wideError, wideError);
        return;
    }
    typename V::M clipped = V::either(below, above);
    if (!whole) clipped = V::firstLanes(clipped, lanes);
    const typename V::D inside = V::widen(V::drop(clipped, error));
    V::addProducts(sums.rounding, inside, inside);
    addClipped<V>(outside, clipped, error, columns, i);
}

/// Vectors are taken four at a time: first the arithmetic, whose indices wait in the first-level cache, then
/// the counting. The codes of a small grid are counted by level.
template <class V, Rounding mode>
ErrorSplit measureGroup(const float* src, int64_t begin, int64_t end, const Group<V>& group,
                        const Shared<V>& shared, const QuantizeParams& params, const MeasureSinks& sinks) {
    using F = typename V::F;
    constexpr int kStep = 4 * V::kLanes;
    static_assert(kStep / V::kLanes <= FewCodes<V>::kMostPuts);
    const BinVectors<V> valueBins(sinks.values);
    const BinVectors<V> errorBins(sinks.errors);
    const int64_t levels = int64_t{params.codeMax} - params.codeMin + 1;
    bool codes = sinks.codes.counts != nullptr;
    bool values = sinks.values.counters.counts != nullptr;
    const bool few = (codes || values) && FewCodes<V>::pays(levels, end - begin);
    codes = codes && !few;
    values = values && !few;
    const bool errors = sinks.errors.counters.counts != nullptr;
    alignas(64) int32_t codeIndex[kStep];
    alignas(64) int32_t valueIndex[kStep];
    alignas(64) int32_t errorIndex[kStep];
    FewCodes<V> levelCounts(few ? static_cast<int>(levels) : 0);
    GroupSums<V> sums;
    ClippedSums<V> clipped;
    for (int64_t i = begin; i < end; i += kStep) {
        const int count = end - i < kStep ? static_cast<int>(end - i) : kStep;
        for (int at = 0; at < count; at += V::kLanes) {
            const int lanes = count - at < V::kLanes ? count - at : V::kLanes;
            const float* const from = src + i + at;
            const F r = V::numberOrZero(lanes == V::kLanes ? V::load(from) : V::loadPart(from, lanes));
            F code, value, error;
            measureVector<V, mode>(r, i + at, lanes, group, shared,
                                   params.firstElement + static_cast<uint64_t>(i + at), sinks.columns, sums,
                                   clipped, code, value, error);
            if (few) levelCounts.put(V::sub(code, shared.codeMin), lanes);
            if (codes) V::storeInt(codeIndex + at, V::toInt(V::sub(code, shared.codeMin)));
            if (values) V::storeInt(valueIndex + at, valueBins.index(value));
            if (errors) V::storeInt(errorIndex + at, errorBins.index(error));
        }
        if (few) levelCounts.add();
        if (codes) countUp<V>(sinks.codes, codeIndex, count);
        if (values) countUp<V>(sinks.values.counters, valueIndex, count);
        if (errors) countUp<V>(sinks.errors.counters, errorIndex, count);
    }
    if (few) levelCounts.store(sinks, group, shared);
    return splitOf<V>(sums, clipped, end - begin);
}

template <class V, Rounding mode>
void measureRun(const float* src, int64_t count, const GroupRun& run, const QuantizeParams& params,
                const MeasureSinks& sinks) {
    const Shared<V> shared(params);
    const GroupParams* decode = run.groups;
    const GroupParams* encode = run.encode != nullptr ? run.encode : run.groups;
    ErrorSplit* split = sinks.groups;
    for (int64_t begin = 0; begin < count; begin += run.groupSize, ++decode, ++encode, ++split) {
        const int64_t end = count - begin < run.groupSize ? count : begin + run.groupSize;
        const Group<V> group(*decode, *encode, shared);
        *split = measureGroup<V, mode>(src, begin, end, group, shared, params, sinks);
    }
}

template <class V>
void measureGroups(const float* src, int64_t count, const GroupRun& run, const QuantizeParams& params,
                   const MeasureSinks& sinks) {
    byRounding<V>(params.rounding,
                  [&]<Rounding mode>() { measureRun<V, mode>(src, count, run, params, sinks); });
}

}  // namespace quantscope::elementwise
