// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/elementwise_kernels.h"
#include "kernels/reference/tables.h"

// The elementwise passes, written once over a vector type V. Every instruction-set file defines its V in an
// anonymous namespace, so that each instantiation is local to its object file: the linker can never pick one
// file's code for another's path (a test reads the symbol tables). Only templates over V belong here, and
// nothing from the standard library is called.

namespace quantscope::elementwise {

/// Mixer of base/random.h's CounterRandom, restated because inline functions must not be shared.
constexpr uint64_t kGolden = 0x9E3779B97F4A7C15ULL;
constexpr uint64_t kMixA = 0xBF58476D1CE4E5B9ULL;
constexpr uint64_t kMixB = 0x94D049BB133111EBULL;

template <class V>
uint64_t mix(uint64_t x) {
    x ^= x >> 30;
    x *= kMixA;
    x ^= x >> 27;
    x *= kMixB;
    return x ^ (x >> 31);
}

/// CounterRandom(seed)'s key.
template <class V>
uint64_t randomKey(uint64_t seed) {
    return mix<V>(seed + kGolden) ^ mix<V>(mix<V>(kGolden) + kGolden);
}

/// CounterRandom::bits(element) >> 11 for a key.
template <class V>
uint64_t random53(uint64_t key, uint64_t element) {
    return mix<V>(key + kGolden * (mix<V>(element) | 1)) >> 11;
}

/// What all groups of a run share.
template <class V>
struct Shared {
    typename V::F codeMin, codeMax;
    uint64_t key;
    bool minimum, inside, inverse;

    explicit Shared(const QuantizeParams& p)
        : codeMin(V::set(static_cast<float>(p.codeMin))),
          codeMax(V::set(static_cast<float>(p.codeMax))),
          key(p.rounding == Rounding::Stochastic ? randomKey<V>(p.seed) : 0),
          minimum(p.domain == ZeroPointDomain::Minimum),
          inside(p.zeroPointInside),
          inverse(p.multiplyByInverse) {}
};

/// One group's parameters, spread over the lanes, or one column's in each lane.
template <class V>
struct Group {
    using F = typename V::F;
    F scale, zeroPoint;                          // r^
    F divisor, factor, offset, zeroIn, zeroOut;  // codes
    F low, high;                                 // the representable range
    bool multiply;
    bool tame = false;  // no finite or infinite r can give a NaN

    Group(const GroupParams& decode, const GroupParams& encode, const Shared<V>& s) {
        const float size = __builtin_fabsf(encode.scale);
        tame = size >= 0x1p-126F && size < 0x1p126F && __builtin_fabsf(encode.zeroPoint) < __builtin_inff();
        setDecode(V::set(decode.scale), V::set(decode.zeroPoint), s);
        setEncode(V::set(encode.scale), V::set(encode.zeroPoint), s, s.inverse || encode.scale == 0);
        if (encode.scale == 0) factor = V::zero();
    }
    /// The parameters of `count` columns.
    Group(const GroupParams* decode, const GroupParams* encode, int count, const Shared<V>& s) {
        setDecode(V::scales(decode, count), V::zeroPoints(decode, count), s);
        const F scales = V::scales(encode, count);
        setEncode(scales, V::zeroPoints(encode, count), s, s.inverse);
        const typename V::M empty = V::equal(scales, V::zero());
        divisor = V::select(empty, V::set(__builtin_inff()), divisor);  // t = 0, as for a group
        factor = V::select(empty, V::zero(), factor);
    }

    /// r^ of a code. Never fused: two roundings, as in the reference.
    F value(F code, const Shared<V>& s) const {
        return s.minimum ? V::add(V::mul(scale, code), zeroPoint) : V::mul(scale, V::sub(code, zeroPoint));
    }

 private:
    void setDecode(F scales, F zeroPoints, const Shared<V>& s) {
        scale = scales;
        zeroPoint = zeroPoints;
        const F first = value(s.codeMin, s);
        const F last = value(s.codeMax, s);
        low = V::min(first, last);
        high = V::max(first, last);
    }
    void setEncode(F scales, F zeroPoints, const Shared<V>& s, bool useFactor) {
        divisor = scales;
        factor = useFactor ? V::div(V::set(1.0F), scales) : V::zero();
        offset = s.minimum ? zeroPoints : V::zero();
        zeroIn = !s.minimum && s.inside ? zeroPoints : V::zero();
        zeroOut = !s.minimum && !s.inside ? zeroPoints : V::zero();
        multiply = useFactor;
    }
};

template <class V, Rounding mode>
typename V::F roundVector(typename V::F t, uint64_t key, uint64_t element) {
    using F = typename V::F;
    if constexpr (mode == Rounding::HalfEven) return V::nearest(t);
    if constexpr (mode == Rounding::Floor) return V::floor(t);
    if constexpr (mode == Rounding::Ceil) return V::ceil(t);
    if constexpr (mode == Rounding::TowardZero) return V::trunc(t);
    if constexpr (mode == Rounding::HalfUp) return V::floor(V::add(t, V::set(0.5F)));
    if constexpr (mode == Rounding::HalfAway) {
        const F whole = V::trunc(t);
        const F one = V::withSign(V::set(1.0F), t);
        return V::select(V::notLess(V::abs(V::sub(t, whole)), V::set(0.5F)), V::add(whole, one), whole);
    }
    const F below = V::floor(t);
    const F fraction = V::sub(t, below);
    const F above = V::add(below, V::set(1.0F));
    return V::select(V::randomBelow(key, element, fraction), above, below);
}

/// Codes (as floats, integral) of a vector of numbers without NaN.
template <class V, Rounding mode>
typename V::F codeVector(typename V::F r, const Group<V>& g, const Shared<V>& s, uint64_t element) {
    using F = typename V::F;
    const F shifted = s.minimum ? V::sub(r, g.offset) : r;
    F t = g.multiply ? V::mul(shifted, g.factor) : V::div(shifted, g.divisor);
    if (!g.tame) t = V::numberOrZero(t);
    if (s.inside) t = V::add(t, g.zeroIn);
    // Also where zeroOut is 0: -0 + 0 is 0, the code's only zero.
    const F q = V::add(roundVector<V, mode>(t, s.key, element), g.zeroOut);
    return V::min(V::max(q, s.codeMin), s.codeMax);
}

/// Calls step(offset, lanes, group) over a run cut into groups; lanes < kLanes at a group's ragged end. With
/// groupSize 1 each lane has its own parameters.
template <class V, class Step>
void overGroups(int64_t count, const GroupRun& run, const Shared<V>& shared, const Step& step) {
    const GroupParams* decode = run.groups;
    const GroupParams* encode = run.encode != nullptr ? run.encode : run.groups;
    if (run.groupSize == 1) {
        for (int64_t i = 0; i < count; i += V::kLanes) {
            const int lanes = count - i < V::kLanes ? static_cast<int>(count - i) : V::kLanes;
            step(i, lanes, Group<V>(decode + i, encode + i, lanes, shared));
        }
        return;
    }
    for (int64_t begin = 0; begin < count; begin += run.groupSize, ++decode, ++encode) {
        const int64_t end = count - begin < run.groupSize ? count : begin + run.groupSize;
        const Group<V> group(*decode, *encode, shared);
        int64_t i = begin;
        for (; i + V::kLanes <= end; i += V::kLanes) step(i, V::kLanes, group);
        if (i < end) step(i, static_cast<int>(end - i), group);
    }
}

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

/// call.operator()<mode>() for the run-time rounding mode.
template <class V, class Call>
auto byRounding(Rounding mode, const Call& call) {
    switch (mode) {
        case Rounding::HalfEven:
            return call.template operator()<Rounding::HalfEven>();
        case Rounding::HalfAway:
            return call.template operator()<Rounding::HalfAway>();
        case Rounding::HalfUp:
            return call.template operator()<Rounding::HalfUp>();
        case Rounding::Floor:
            return call.template operator()<Rounding::Floor>();
        case Rounding::Ceil:
            return call.template operator()<Rounding::Ceil>();
        case Rounding::TowardZero:
            return call.template operator()<Rounding::TowardZero>();
        case Rounding::Stochastic:
            break;
    }
    return call.template operator()<Rounding::Stochastic>();
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
Extremes extremes(const float* src, int64_t count) {
    using F = typename V::F;
    F minimum = V::set(__builtin_inff());
    F maximum = V::set(-__builtin_inff());
    typename V::D sum{}, squares{};
    Extremes e;
    for (int64_t i = 0; i < count; i += V::kLanes) {
        const int lanes = count - i < V::kLanes ? static_cast<int>(count - i) : V::kLanes;
        const bool whole = lanes == V::kLanes;
        const F x = whole ? V::load(src + i) : V::loadPart(src + i, lanes);
        typename V::M number = V::isNumber(x);
        if (!whole) number = V::firstLanes(number, lanes);
        const int numbers = V::countTrue(number);
        e.count += numbers;
        e.nanCount += lanes - numbers;
        minimum = V::min(V::select(number, x, minimum), minimum);
        maximum = V::max(V::select(number, x, maximum), maximum);
        const F kept = V::keep(number, x);
        const typename V::M infinite = V::equal(V::abs(kept), V::set(__builtin_inff()));
        if (V::any(infinite)) e.infCount += V::countTrue(infinite);
        const typename V::D wide = V::widen(kept);
        V::addValues(sum, wide);
        V::addProducts(squares, wide, wide);
    }
    if (e.count > 0) {
        e.minimum = V::smallest(minimum);
        e.maximum = V::largest(maximum);
    }
    e.sum = V::sum(sum);
    e.sumOfSquares = V::sum(squares);
    return e;
}

template <class V>
bool minMaxGroups(const float* src, float* minima, float* maxima, int64_t count, int64_t groupSize) {
    using F = typename V::F;
    F check = V::zero();  // x * 0 is 0 for finite x, NaN otherwise
    int64_t group = 0;
    for (int64_t begin = 0; begin < count; begin += groupSize, ++group) {
        const int64_t end = count - begin < groupSize ? count : begin + groupSize;
        F minimum = V::set(__builtin_inff());
        F maximum = V::set(-__builtin_inff());
        int64_t i = begin;
        for (; i + V::kLanes <= end; i += V::kLanes) {
            const F x = V::load(src + i);
            minimum = V::min(x, minimum);  // the second operand where x is NaN
            maximum = V::max(x, maximum);
            check = V::add(check, V::mul(x, V::zero()));
        }
        if (i < end) {
            const int lanes = static_cast<int>(end - i);
            const F x = V::loadPart(src + i, lanes);
            const typename V::M number = V::firstLanes(V::isNumber(x), lanes);
            minimum = V::min(V::select(number, x, minimum), minimum);
            maximum = V::max(V::select(number, x, maximum), maximum);
            check = V::add(check, V::mul(x, V::zero()));
        }
        minima[group] = V::smallest(minimum);
        maxima[group] = V::largest(maximum);
    }
    return V::countTrue(V::isNumber(check)) == V::kLanes;
}

template <class V>
bool minMaxColumns(const float* src, float* minima, float* maxima, int64_t count) {
    using F = typename V::F;
    F check = V::zero();
    int64_t i = 0;
    for (; i + V::kLanes <= count; i += V::kLanes) {
        const F x = V::load(src + i);
        V::store(minima + i, V::min(x, V::load(minima + i)));
        V::store(maxima + i, V::max(x, V::load(maxima + i)));
        check = V::add(check, V::mul(x, V::zero()));
    }
    if (i < count) {
        const int lanes = static_cast<int>(count - i);
        const F x = V::loadPart(src + i, lanes);
        V::storePart(minima + i, V::min(x, V::loadPart(minima + i, lanes)), lanes);
        V::storePart(maxima + i, V::max(x, V::loadPart(maxima + i, lanes)), lanes);
        check = V::add(check, V::mul(x, V::zero()));
    }
    return V::countTrue(V::isNumber(check)) == V::kLanes;
}

/// Bins of one vector; NaN goes to bin `bins`, which nobody reads.
template <class V>
typename V::I binVector(typename V::F x, typename V::F low, typename V::F perUnit, typename V::F last,
                        typename V::F nowhere) {
    // max with 0 second: a NaN position (an infinite range) lands in bin 0, as in the reference.
    const typename V::F position = V::min(V::max(V::mul(V::sub(x, low), perUnit), V::zero()), last);
    return V::truncToInt(V::select(V::isNumber(x), position, nowhere));
}

/// Counters for `copies` neighbouring elements lie apart, so that equal bins in a row do not wait for each
/// other; 32 bits each, emptied into `counts` before they can overflow.
template <class V, int copies>
void histogramPart(const float* src, int64_t count, float low, float perUnit, int bins, uint32_t* local,
                   uint64_t* counts) {
    const int row = bins + 1;
    const auto lowVector = V::set(low);
    const auto unitVector = V::set(perUnit);
    const auto last = V::set(static_cast<float>(bins - 1));
    const auto nowhere = V::set(static_cast<float>(bins));
    for (int i = 0; i < row * copies; ++i) local[i] = 0;
    alignas(64) int32_t index[4 * V::kLanes];
    const auto countUp = [&](int lanes) {
        for (int j = 0; j < lanes; ++j) ++local[(j & (copies - 1)) * row + index[j]];
    };
    int64_t i = 0;
    for (; i + 4 * V::kLanes <= count; i += 4 * V::kLanes) {
        for (int v = 0; v < 4; ++v) {
            const auto x = V::load(src + i + v * V::kLanes);
            V::storeInt(index + v * V::kLanes, binVector<V>(x, lowVector, unitVector, last, nowhere));
        }
        countUp(4 * V::kLanes);
    }
    for (; i < count; i += V::kLanes) {
        const int lanes = count - i < V::kLanes ? static_cast<int>(count - i) : V::kLanes;
        const auto x = V::loadPart(src + i, lanes);
        V::storeInt(index, binVector<V>(x, lowVector, unitVector, last, nowhere));
        countUp(lanes);
    }
    for (int bin = 0; bin < bins; ++bin) {
        for (int c = 0; c < copies; ++c) counts[bin] += local[c * row + bin];
    }
}

template <class V>
void histogram(const float* src, int64_t count, float low, float high, int bins, uint64_t* counts) {
    constexpr int kLargest = 4096;
    constexpr int64_t kPart = int64_t{1} << 30;
    uint32_t local[2 * (kLargest + 1)];
    const float perUnit = static_cast<float>(bins) / (high - low);
    for (int64_t i = 0; i < count; i += kPart) {
        const int64_t part = count - i < kPart ? count - i : kPart;
        if (bins <= 512) {
            histogramPart<V, 8>(src + i, part, low, perUnit, bins, local, counts);
        } else if (bins <= kLargest) {
            histogramPart<V, 2>(src + i, part, low, perUnit, bins, local, counts);
        } else {
            kReferenceElementwise.histogram(src + i, part, low, high, bins, counts);
        }
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
    t.minMaxGroups = minMaxGroups<V>;
    t.minMaxColumns = minMaxColumns<V>;
    t.fromF16 = fromF16;
    t.fromBf16 = fromBf16;
    return t;
}

}  // namespace quantscope::elementwise
