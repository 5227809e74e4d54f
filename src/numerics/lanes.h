// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "numerics/instruction_sets.h"
#include "numerics/nearest_even.h"

/// Runs of weights side by side, one in each lane of a vector: every lane goes through the operations of one
/// run in their order, so that its sums are those of plain code whatever the width.
namespace quantscope {

template <int Bytes>
struct Lanes {
    using Floats = typename VectorOf<float, Bytes>::Type;
    using Ints = typename VectorOf<int32_t, Bytes>::Type;
    static constexpr int kCount = Bytes / 4;

    [[gnu::always_inline]] static inline Floats all(float value) { return Floats{} + value; }
    [[gnu::always_inline]] static inline Floats load(const float* from) {
        Floats v{};
        std::memcpy(&v, from, sizeof v);
        return v;
    }
    template <class Vector, class T>
    [[gnu::always_inline]] static inline void store(const Vector& v, T* to) {
        std::memcpy(to, &v, sizeof v);
    }
    [[gnu::always_inline]] static inline Floats magnitude(const Floats& x) {
        return reinterpret_cast<Floats>(reinterpret_cast<Ints>(x) & 0x7FFFFFFF);
    }
    /// nearestInteger() of each lane.
    [[gnu::always_inline]] static inline Ints nearest(const Floats& x) {
        return __builtin_convertvector(roundHalfEven(x), Ints);
    }
    [[gnu::always_inline]] static inline Floats nearestUpTo(const Floats& x, int top) {
        const Ints limit = Ints{} + top;
        const Ints code = nearest(x);
        return __builtin_convertvector(code > limit ? limit : code, Floats);
    }
    [[gnu::always_inline]] static inline Floats nearestIn(const Floats& x, int low, int high) {
        const Ints least = Ints{} + low;
        const Ints most = Ints{} + high;
        Ints code = nearest(x);
        code = code < least ? least : code;
        code = code > most ? most : code;
        return __builtin_convertvector(code, Floats);
    }
    /// Comparisons to keep or combine: all bits or none.
    [[gnu::always_inline]] static inline Ints less(const Floats& a, const Floats& b) {
        return a < b ? Ints{} - 1 : Ints{};
    }
    [[gnu::always_inline]] static inline Ints equal(const Floats& a, const Floats& b) {
        return a == b ? Ints{} - 1 : Ints{};
    }
    [[gnu::always_inline]] static inline Ints unequal(const Floats& a, const Floats& b) {
        return a != b ? Ints{} - 1 : Ints{};
    }
    [[gnu::always_inline]] static inline bool any(const Ints& mask) {
        std::array<int32_t, kCount> lanes{};
        store(mask, lanes.data());
        int32_t bits = 0;
        for (const int32_t lane : lanes) bits |= lane;
        return bits != 0;
    }
};

/// Runs of N floats, one in each lane.
template <int Bytes, int N>
struct RunLanes {
    using V = Lanes<Bytes>;
    typename V::Floats at[N];

    /// Runs first, first + 1, .. of `count` runs that follow one another; lanes beyond them repeat the last.
    [[gnu::always_inline]] inline void load(const float* runs, int first, int count) {
        std::array<std::array<float, V::kCount>, N> tile;
        for (int lane = 0; lane < V::kCount; ++lane) {
            const float* run = runs + static_cast<ptrdiff_t>(N) * std::min(first + lane, count - 1);
            for (int i = 0; i < N; ++i) tile.data()[i].data()[lane] = run[i];
        }
        std::memcpy(at, tile.data(), sizeof at);
    }
    /// The reverse, to integers.
    [[gnu::always_inline]] inline void store(int* runs, int first, int count) const {
        std::array<std::array<float, V::kCount>, N> tile;
        std::memcpy(tile.data(), at, sizeof at);
        for (int lane = 0; lane < V::kCount && first + lane < count; ++lane) {
            int* run = runs + static_cast<ptrdiff_t>(N) * (first + lane);
            for (int i = 0; i < N; ++i) run[i] = static_cast<int>(tile.data()[i].data()[lane]);
        }
    }
};

}  // namespace quantscope
