// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "kernels/x86/elementwise_body.h"
#include "kernels/x86/tables.h"

namespace quantscope {
namespace {

/// Eight floats; see elementwise_body.h. Masks are lanes of all ones or all zeros.
struct Avx2 {
    using F = __m256;
    using I = __m256i;
    struct M {
        __m256 lanes;
    };
    struct D {
        __m256d low = _mm256_setzero_pd();
        __m256d high = _mm256_setzero_pd();
    };
    static constexpr int kLanes = 8;

    static I lanesMask(int lanes) {
        return _mm256_cmpgt_epi32(_mm256_set1_epi32(lanes), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    }
    static F zero() { return _mm256_setzero_ps(); }
    static F set(float x) { return _mm256_set1_ps(x); }
    /// 0, 1, 2, ...
    static F running() { return _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7); }
    static F load(const float* p) { return _mm256_loadu_ps(p); }
    static F loadPart(const float* p, int lanes) { return _mm256_maskload_ps(p, lanesMask(lanes)); }
    static void store(float* p, F x) { _mm256_storeu_ps(p, x); }
    static void storePart(float* p, F x, int lanes) { _mm256_maskstore_ps(p, lanesMask(lanes), x); }
    static void stream(float* p, F x) { _mm256_stream_ps(p, x); }
    static void fence() { _mm_sfence(); }
    static I loadInt(const int32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const I*>(p)); }
    static I loadIntPart(const int32_t* p, int lanes) { return _mm256_maskload_epi32(p, lanesMask(lanes)); }
    static void storeInt(int32_t* p, I x) { _mm256_storeu_si256(reinterpret_cast<I*>(p), x); }
    static void storeIntPart(int32_t* p, I x, int lanes) { _mm256_maskstore_epi32(p, lanesMask(lanes), x); }

    /// `codes` (0 .. 15; 16 counts nowhere) add 1 to their nibbles of the words.
    static void addToNibbles(I& words, I codes) {
        const I one = _mm256_set1_epi64x(1);
        const I shift = _mm256_slli_epi32(codes, 2);
        const I low = _mm256_cvtepu32_epi64(_mm256_castsi256_si128(shift));
        const I high = _mm256_cvtepu32_epi64(_mm256_extracti128_si256(shift, 1));
        words = _mm256_add_epi64(words, _mm256_sllv_epi64(one, low));
        words = _mm256_add_epi64(words, _mm256_sllv_epi64(one, high));
    }
    /// Adds the nibbles of all words to sixteen counts.
    static void addNibbles(uint32_t* counts, I words) {
        const I mask = _mm256_set1_epi8(15);
        const __m128i even = sumOfWords(_mm256_and_si256(words, mask));
        const __m128i odd = sumOfWords(_mm256_and_si256(_mm256_srli_epi64(words, 4), mask));
        const __m128i found = _mm_unpacklo_epi8(even, odd);
        auto* const sums = reinterpret_cast<I*>(counts);
        _mm256_store_si256(sums, _mm256_add_epi32(_mm256_load_si256(sums), _mm256_cvtepu8_epi32(found)));
        _mm256_store_si256(sums + 1, _mm256_add_epi32(_mm256_load_si256(sums + 1),
                                                      _mm256_cvtepu8_epi32(_mm_srli_si128(found, 8))));
    }
    /// The bytes of four words added up, in the lower half.
    static __m128i sumOfWords(I words) {
        const __m128i two = _mm_add_epi8(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
        return _mm_add_epi8(two, _mm_srli_si128(two, 8));
    }

    static F add(F a, F b) { return _mm256_add_ps(a, b); }
    static F sub(F a, F b) { return _mm256_sub_ps(a, b); }
    static F mul(F a, F b) { return _mm256_mul_ps(a, b); }
    static F div(F a, F b) { return _mm256_div_ps(a, b); }
    static F min(F a, F b) { return _mm256_min_ps(a, b); }
    static F max(F a, F b) { return _mm256_max_ps(a, b); }
    static F abs(F a) { return _mm256_andnot_ps(set(-0.0F), a); }
    static F withSign(F magnitude, F sign) {
        return _mm256_or_ps(magnitude, _mm256_and_ps(sign, set(-0.0F)));
    }
    static F nearest(F a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
    static F floor(F a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
    static F ceil(F a) { return _mm256_round_ps(a, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC); }
    static F trunc(F a) { return _mm256_round_ps(a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
    static I toInt(F a) { return _mm256_cvtps_epi32(a); }
    static I truncToInt(F a) { return _mm256_cvttps_epi32(a); }
    static F fromInt(I a) { return _mm256_cvtepi32_ps(a); }

    static M less(F a, F b) { return {_mm256_cmp_ps(a, b, _CMP_LT_OQ)}; }
    static M notLess(F a, F b) { return {_mm256_cmp_ps(a, b, _CMP_GE_OQ)}; }
    static M equal(F a, F b) { return {_mm256_cmp_ps(a, b, _CMP_EQ_OQ)}; }
    static M isNumber(F a) { return {_mm256_cmp_ps(a, a, _CMP_ORD_Q)}; }
    static M either(M a, M b) { return {_mm256_or_ps(a.lanes, b.lanes)}; }
    static F firstLanes(F a, int lanes) { return _mm256_and_ps(a, _mm256_castsi256_ps(lanesMask(lanes))); }
    static F firstLanes(F a, F rest, int lanes) {
        return _mm256_blendv_ps(rest, a, _mm256_castsi256_ps(lanesMask(lanes)));
    }
    static M firstLanes(M a, int lanes) { return {firstLanes(a.lanes, lanes)}; }
    static F select(M m, F yes, F no) { return _mm256_blendv_ps(no, yes, m.lanes); }
    static F keep(M m, F a) { return _mm256_and_ps(m.lanes, a); }
    static F drop(M m, F a) { return _mm256_andnot_ps(m.lanes, a); }
    static F numberOrZero(F a) { return keep(isNumber(a), a); }
    static unsigned bits(M m) { return static_cast<unsigned>(_mm256_movemask_ps(m.lanes)); }
    static bool any(M m) { return bits(m) != 0; }
    static bool anyOf(M a, M b) { return any(either(a, b)); }
    static int countTrue(M m) { return __builtin_popcount(bits(m)); }

    static D widen(F a) {
        return {_mm256_cvtps_pd(_mm256_castps256_ps128(a)), _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1))};
    }
    static void addValues(D& d, const D& a) {
        d.low = _mm256_add_pd(d.low, a.low);
        d.high = _mm256_add_pd(d.high, a.high);
    }
    static void addProducts(D& d, const D& a, const D& b) {
        d.low = _mm256_fmadd_pd(a.low, b.low, d.low);
        d.high = _mm256_fmadd_pd(a.high, b.high, d.high);
    }
    static D loadDoubles(const double* p) { return {_mm256_loadu_pd(p), _mm256_loadu_pd(p + 4)}; }
    static void storeDoubles(double* p, const D& d) {
        _mm256_storeu_pd(p, d.low);
        _mm256_storeu_pd(p + 4, d.high);
    }
    static double sum(const D& d) {
        alignas(32) double x[4];
        _mm256_store_pd(x, _mm256_add_pd(d.low, d.high));
        return (x[0] + x[1]) + (x[2] + x[3]);
    }
    static float smallest(F a) {
        alignas(32) float x[8];
        _mm256_store_ps(x, a);
        float result = x[0];
        for (int i = 1; i < 8; ++i) result = x[i] < result ? x[i] : result;
        return result;
    }
    static float largest(F a) {
        alignas(32) float x[8];
        _mm256_store_ps(x, a);
        float result = x[0];
        for (int i = 1; i < 8; ++i) result = x[i] > result ? x[i] : result;
        return result;
    }

    static F scales(const GroupParams* columns, int count) {
        alignas(32) float x[8] = {};
        for (int i = 0; i < count; ++i) x[i] = columns[i].scale;
        return _mm256_load_ps(x);
    }
    static F zeroPoints(const GroupParams* columns, int count) {
        alignas(32) float x[8] = {};
        for (int i = 0; i < count; ++i) x[i] = columns[i].zeroPoint;
        return _mm256_load_ps(x);
    }

    /// CounterRandom's uniform(element + lane) < fraction.
    static M randomBelow(uint64_t key, uint64_t element, F fraction) {
        alignas(32) float x[8];
        alignas(32) int32_t below[8];
        _mm256_store_ps(x, fraction);
        for (unsigned i = 0; i < 8; ++i) {
            const auto uniform =
                static_cast<double>(elementwise::random53<Avx2>(key, element + i)) * 0x1.0p-53;
            below[i] = uniform < static_cast<double>(x[i]) ? -1 : 0;
        }
        return {_mm256_castsi256_ps(loadInt(below))};
    }
};

void fromF16(const uint16_t* src, float* dst, int64_t count) {
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) {
        const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(src + i));
        _mm256_storeu_ps(dst + i, _mm256_cvtph_ps(half));
    }
    for (; i < count; ++i) dst[i] = _cvtsh_ss(src[i]);
}

void fromBf16(const uint16_t* src, float* dst, int64_t count) {
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) {
        const __m256i wide =
            _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(src + i)));
        _mm256_storeu_ps(dst + i, _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16)));
    }
    for (; i < count; ++i) {
        const uint32_t bits = static_cast<uint32_t>(src[i]) << 16;
        __builtin_memcpy(dst + i, &bits, sizeof bits);
    }
}

}  // namespace

const ElementwiseKernels kAvx2Elementwise = elementwise::table<Avx2>(fromF16, fromBf16);

}  // namespace quantscope
