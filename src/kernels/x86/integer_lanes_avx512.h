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
    static void storeCodes(void* p, I x) { _mm512_storeu_si512(p, x); }
    static I broadcastFour(const void* p) {
        int32_t four;
        __builtin_memcpy(&four, p, sizeof four);
        return _mm512_set1_epi32(four);
    }

    static constexpr int kBytes = 64;
    static I bitAnd(I a, I b) { return _mm512_and_si512(a, b); }
    template <int kBits>
    static I shiftRight(I a) {
        return kBits == 0 ? a : _mm512_srli_epi32(a, kBits);
    }
    static I flipSigns(I a) { return _mm512_xor_si512(a, _mm512_set1_epi8(-128)); }
    /// sums (of 64 bits) + the sums of eight bytes each.
    static I addByteSums(I sums, I a) {
        return _mm512_add_epi64(sums, _mm512_sad_epu8(a, _mm512_setzero_si512()));
    }
    static int32_t sumOfPairs(I a) { return static_cast<int32_t>(_mm512_reduce_add_epi64(a)); }
    static I minInts(I a, I b) { return _mm512_min_epi32(a, b); }
    static I maxInts(I a, I b) { return _mm512_max_epi32(a, b); }
    static F minFloats(F a, F b) { return _mm512_min_ps(a, b); }
    static F maxFloats(F a, F b) { return _mm512_max_ps(a, b); }
    static I absoluteBits(F a) {
        return _mm512_and_si512(_mm512_castps_si512(a), _mm512_set1_epi32(0x7FFFFFFF));
    }
    static float smallest(F a) { return _mm512_reduce_min_ps(a); }
    static float largest(F a) { return _mm512_reduce_max_ps(a); }
    static bool anyAtLeast(I a, int32_t bound) {
        return _mm512_cmpge_epi32_mask(a, _mm512_set1_epi32(bound)) != 0;
    }
    static I toNearest(F a) {
        return _mm512_cvt_roundps_epi32(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    }
    static void storeLowBytes(uint8_t* p, I a) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(a));
    }
    static I loadWidened(const uint8_t* p) {
        return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    }

    /// The floats -8..7 by code: a permutation looks sixteen of them up.
    static F signedFours() { return _mm512_set_ps(7, 6, 5, 4, 3, 2, 1, 0, -1, -2, -3, -4, -5, -6, -7, -8); }
    /// By the low four bits of each lane.
    static F fourOf(F table, I lanes) { return _mm512_permutexvar_ps(lanes, table); }
};

}  // namespace
}  // namespace quantscope::integer
