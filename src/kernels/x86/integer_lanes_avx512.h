// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace quantscope::integer {
namespace {

/// Sixteen int32 or floats; see integer_output.h.
struct Lanes512 {
    using I = __m512i;
    using F = __m512;
    using M = __mmask16;
    static constexpr int kLanes = 16;

    static M lanesMask(int lanes) { return static_cast<M>((1U << lanes) - 1U); }
    static I zero() { return _mm512_setzero_si512(); }
    static I set(int32_t x) { return _mm512_set1_epi32(x); }
    static I load(const int32_t* p, M m) { return _mm512_maskz_loadu_epi32(m, p); }
    static void store(int32_t* p, M m, I x) { _mm512_mask_storeu_epi32(p, m, x); }
    static I add(I a, I b) { return _mm512_add_epi32(a, b); }
    static I sub(I a, I b) { return _mm512_sub_epi32(a, b); }
    static I mul(I a, I b) { return _mm512_mullo_epi32(a, b); }
    static F zeroFloats() { return _mm512_setzero_ps(); }
    static F setFloats(float x) { return _mm512_set1_ps(x); }
    static F loadFloats(const float* p, M m) { return _mm512_maskz_loadu_ps(m, p); }
    static void storeFloats(float* p, M m, F x) { _mm512_mask_storeu_ps(p, m, x); }
    static F addFloats(F a, F b) { return _mm512_add_ps(a, b); }
    static F mulFloats(F a, F b) { return _mm512_mul_ps(a, b); }
    static F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
    static F toFloats(I a) { return _mm512_cvtepi32_ps(a); }

    static I loadCodes(const void* p) { return _mm512_loadu_si512(p); }
    static I broadcastFour(const void* p) {
        int32_t four;
        __builtin_memcpy(&four, p, sizeof four);
        return _mm512_set1_epi32(four);
    }
};

}  // namespace
}  // namespace quantscope::integer
