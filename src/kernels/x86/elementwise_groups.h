// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/elementwise_kernels.h"

// Groups, rounding and codes of the elementwise passes, written once over a vector type V. Every
// instruction-set file defines its V in an anonymous namespace, so that each instantiation is local to its
// object file: the linker can never pick one file's code for another's path (a test reads the symbol tables).
// Only templates over V belong here, and nothing from the standard library is called.

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

}  // namespace quantscope::elementwise
