// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace quantscope::integer {
namespace {

/// Eight int32 or floats; see integer_output.h and integer_lanes_avx512.h.
struct Lanes256 {
    using I = __m256i;
    using F = __m256;
    using M = __m256i;
    static constexpr int kLanes = 8;

    static M lanesMask(int lanes) {
        return _mm256_cmpgt_epi32(_mm256_set1_epi32(lanes), _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0));
    }
    static I zero() { return _mm256_setzero_si256(); }
    static I set(int32_t x) { return _mm256_set1_epi32(x); }
    static I load(const int32_t* p, M m) { return _mm256_maskload_epi32(p, m); }
    static void store(int32_t* p, M m, I x) { _mm256_maskstore_epi32(p, m, x); }
    static I add(I a, I b) { return _mm256_add_epi32(a, b); }
    static I sub(I a, I b) { return _mm256_sub_epi32(a, b); }
    static I mul(I a, I b) { return _mm256_mullo_epi32(a, b); }
    static F zeroFloats() { return _mm256_setzero_ps(); }
    static F setFloats(float x) { return _mm256_set1_ps(x); }
    static F loadFloats(const float* p, M m) { return _mm256_maskload_ps(p, m); }
    static void storeFloats(float* p, M m, F x) { _mm256_maskstore_ps(p, m, x); }
    static F addFloats(F a, F b) { return _mm256_add_ps(a, b); }
    static F mulFloats(F a, F b) { return _mm256_mul_ps(a, b); }
    static F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
    static F toFloats(I a) { return _mm256_cvtepi32_ps(a); }

    static I loadCodes(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
    static void storeCodes(void* p, I x) { _mm256_storeu_si256(static_cast<__m256i*>(p), x); }
    static I broadcastFour(const void* p) {
        int32_t four;
        __builtin_memcpy(&four, p, sizeof four);
        return _mm256_set1_epi32(four);
    }

    static constexpr int kBytes = 32;
    static I bitAnd(I a, I b) { return _mm256_and_si256(a, b); }
    template <int kBits>
    static I shiftRight(I a) {
        return kBits == 0 ? a : _mm256_srli_epi32(a, kBits);
    }
    static I flipSigns(I a) { return _mm256_xor_si256(a, _mm256_set1_epi8(-128)); }
    static I addByteSums(I sums, I a) {
        return _mm256_add_epi64(sums, _mm256_sad_epu8(a, _mm256_setzero_si256()));
    }
    static int32_t sumOfPairs(I a) {
        const __m128i half = _mm_add_epi64(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
        return static_cast<int32_t>(_mm_cvtsi128_si64(_mm_add_epi64(half, _mm_unpackhi_epi64(half, half))));
    }
    static I minInts(I a, I b) { return _mm256_min_epi32(a, b); }
    static I maxInts(I a, I b) { return _mm256_max_epi32(a, b); }
    static F minFloats(F a, F b) { return _mm256_min_ps(a, b); }
    static F maxFloats(F a, F b) { return _mm256_max_ps(a, b); }
    static I absoluteBits(F a) {
        return _mm256_and_si256(_mm256_castps_si256(a), _mm256_set1_epi32(0x7FFFFFFF));
    }
    static float smallest(F a) {
        __m128 half = _mm_min_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
        half = _mm_min_ps(half, _mm_movehl_ps(half, half));
        return _mm_cvtss_f32(_mm_min_ss(half, _mm_movehdup_ps(half)));
    }
    static float largest(F a) {
        __m128 half = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
        half = _mm_max_ps(half, _mm_movehl_ps(half, half));
        return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
    }
    static bool anyAtLeast(I a, int32_t bound) {
        return _mm256_movemask_epi8(_mm256_cmpgt_epi32(a, _mm256_set1_epi32(bound - 1))) != 0;
    }
    static I toNearest(F a) {
        return _mm256_cvtps_epi32(_mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    }
    static void storeLowBytes(uint8_t* p, I a) {
        const I bytes = _mm256_and_si256(a, _mm256_set1_epi32(255));
        const __m128i words =
            _mm_packus_epi32(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1));
        _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(words, words));
    }
    static I loadWidened(const uint8_t* p) {
        return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
    }

    struct NoTable {};
    static NoTable signedFours() { return {}; }
    /// The low four bits of each lane, less 8.
    static F fourOf(NoTable, I lanes) {
        return _mm256_cvtepi32_ps(
            _mm256_sub_epi32(_mm256_and_si256(lanes, _mm256_set1_epi32(15)), _mm256_set1_epi32(8)));
    }
};

}  // namespace
}  // namespace quantscope::integer
