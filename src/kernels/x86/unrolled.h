// SPDX-License-Identifier: Apache-2.0
#pragma once

/// On a lambda: never a call.
#define QUANTSCOPE_INLINE __attribute__((always_inline))

namespace quantscope::integer {

template <int kValue>
struct Index {
    static constexpr int value = kValue;
    constexpr operator int() const { return kValue; }  // an index wherever an int is expected
};

/// body(Index<0>), ..., body(Index<kCount - 1>): a loop that is gone before the compiler decides what may
/// stay in registers.
template <int kCount, int kFirst = 0, class Body>
__attribute__((always_inline)) inline void unrolled(const Body& body) {
    if constexpr (kFirst < kCount) {
        body(Index<kFirst>{});
        unrolled<kCount, kFirst + 1>(body);
    }
}

/// Makes the compiler believe that somebody reads and writes the register.
template <class Vector>
__attribute__((always_inline)) inline void keepAlive(Vector& value) {
    __asm__ volatile("" : "+x"(value));
}

}  // namespace quantscope::integer
