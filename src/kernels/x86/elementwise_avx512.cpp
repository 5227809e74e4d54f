// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "kernels/x86/elementwise_body.h"
#include "kernels/x86/tables.h"

namespace quantscope {
namespace {

/// Sixteen floats; see elementwise_body.h.
struct Avx512 {
    using F = __m512;
    using I = __m512i;
    using M = __mmask16;
    /// Sums in double, lower and upper half of the lanes.
    struct D {
        __m512d low = _mm512_setzero_pd();
        __m512d high = _mm512_setzero_pd();
    };
    static constexpr int kLanes = 16;

    static M lanesMask(int lanes) { return static_cast<M>((1U << lanes) - 1U); }
    static F zero() { return _mm512_setzero_ps(); }
    static F set(float x) { return _mm512_set1_ps(x); }
    /// 0, 1, 2, ...
    static F running() { return _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15); }
    static F load(const float* p) { return _mm512_loadu_ps(p); }
    static F loadPart(const float* p, int lanes) { return _mm512_maskz_loadu_ps(lanesMask(lanes), p); }
    static void store(float* p, F x) { _mm512_storeu_ps(p, x); }
    static void storePart(float* p, F x, int lanes) { _mm512_mask_storeu_ps(p, lanesMask(lanes), x); }
    static void stream(float* p, F x) { _mm512_stream_ps(p, x); }
    static void fence() { _mm_sfence(); }
    static I loadInt(const int32_t* p) { return _mm512_loadu_si512(p); }
    static I loadIntPart(const int32_t* p, int lanes) {
        return _mm512_maskz_loadu_epi32(lanesMask(lanes), p);
    }
    static void storeInt(int32_t* p, I x) { _mm512_storeu_si512(p, x); }
    static void storeIntPart(int32_t* p, I x, int lanes) { _mm512_mask_storeu_epi32(p, lanesMask(lanes), x); }

    /// `codes` (0 .. 15; 16 counts nowhere) add 1 to their nibbles of the words.
    static void addToNibbles(I& words, I codes) {
        const I one = _mm512_set1_epi64(1);
        const I shift = _mm512_slli_epi32(codes, 2);
        const I low = _mm512_cvtepu32_epi64(_mm512_castsi512_si256(shift));
        const I high = _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64(shift, 1));
        words = _mm512_add_epi64(words, _mm512_sllv_epi64(one, low));
        words = _mm512_add_epi64(words, _mm512_sllv_epi64(one, high));
    }
    /// Adds the nibbles of all words to sixteen counts.
    static void addNibbles(uint32_t* counts, I words) {
        const I mask = _mm512_set1_epi8(15);
        const __m128i even = sumOfWords(_mm512_and_si512(words, mask));
        const __m128i odd = sumOfWords(_mm512_and_si512(_mm512_srli_epi64(words, 4), mask));
        const I found = _mm512_cvtepu8_epi32(_mm_unpacklo_epi8(even, odd));
        _mm512_store_si512(counts, _mm512_add_epi32(_mm512_load_si512(counts), found));
    }
    /// The bytes of eight words added up, in the lower half.
    static __m128i sumOfWords(I words) {
        const __m256i four =
            _mm256_add_epi8(_mm512_castsi512_si256(words), _mm512_extracti64x4_epi64(words, 1));
        const __m128i two = _mm_add_epi8(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
        return _mm_add_epi8(two, _mm_srli_si128(two, 8));
    }

    static F add(F a, F b) { return _mm512_add_ps(a, b); }
    static F sub(F a, F b) { return _mm512_sub_ps(a, b); }
    static F mul(F a, F b) { return _mm512_mul_ps(a, b); }
    static F div(F a, F b) { return _mm512_div_ps(a, b); }
    static F min(F a, F b) { return _mm512_min_ps(a, b); }
    static F max(F a, F b) { return _mm512_max_ps(a, b); }
    static F abs(F a) { return _mm512_abs_ps(a); }
    static F withSign(F magnitude, F sign) {
        return _mm512_or_ps(magnitude, _mm512_and_ps(sign, set(-0.0F)));
    }
    static F nearest(F a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
    static F floor(F a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
    static F ceil(F a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC); }
    static F trunc(F a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
    static I toInt(F a) { return _mm512_cvtps_epi32(a); }
    static I truncToInt(F a) { return _mm512_cvttps_epi32(a); }
    static F fromInt(I a) { return _mm512_cvtepi32_ps(a); }

    static M less(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
    static M notLess(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ); }
    static M equal(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
    static M isNumber(F a) { return _mm512_cmp_ps_mask(a, a, _CMP_ORD_Q); }
    static M either(M a, M b) { return static_cast<M>(a | b); }
    static M firstLanes(M a, int lanes) { return static_cast<M>(a & lanesMask(lanes)); }
    static F firstLanes(F a, F rest, int lanes) { return _mm512_mask_mov_ps(rest, lanesMask(lanes), a); }
    static F firstLanes(F a, int lanes) { return _mm512_maskz_mov_ps(lanesMask(lanes), a); }
    static F select(M m, F yes, F no) { return _mm512_mask_blend_ps(m, no, yes); }
    static F keep(M m, F a) { return _mm512_maskz_mov_ps(m, a); }
    static F drop(M m, F a) { return _mm512_maskz_mov_ps(static_cast<M>(~m), a); }
    /// One operation instead of a comparison and a move: the table maps both kinds of NaN to +0 (8).
    static F numberOrZero(F a) { return _mm512_fixupimm_ps(a, a, _mm512_set1_epi32(0x88), 0); }
    static unsigned bits(M m) { return m; }
    static bool any(M m) { return m != 0; }
    static bool anyOf(M a, M b) { return _kortestz_mask16_u8(a, b) == 0; }
    static int countTrue(M m) { return __builtin_popcount(m); }

    static __m512d lowHalf(F a) { return _mm512_cvtps_pd(_mm512_castps512_ps256(a)); }
    static __m512d highHalf(F a) { return _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1)); }
    static D widen(F a) { return {lowHalf(a), highHalf(a)}; }
    static void addValues(D& d, const D& a) {
        d.low = _mm512_add_pd(d.low, a.low);
        d.high = _mm512_add_pd(d.high, a.high);
    }
    static void addProducts(D& d, const D& a, const D& b) {
        d.low = _mm512_fmadd_pd(a.low, b.low, d.low);
        d.high = _mm512_fmadd_pd(a.high, b.high, d.high);
    }
    static D loadDoubles(const double* p) { return {_mm512_loadu_pd(p), _mm512_loadu_pd(p + 8)}; }
    static void storeDoubles(double* p, const D& d) {
        _mm512_storeu_pd(p, d.low);
        _mm512_storeu_pd(p + 8, d.high);
    }
    static double sum(const D& d) { return _mm512_reduce_add_pd(_mm512_add_pd(d.low, d.high)); }
    static float smallest(F a) { return _mm512_reduce_min_ps(a); }
    static float largest(F a) { return _mm512_reduce_max_ps(a); }

    static F parameter(const GroupParams* columns, int count, int which) {
        const auto* p = reinterpret_cast<const float*>(columns);
        const uint32_t mask = count == kLanes ? 0xFFFFFFFFU : (1U << (2 * count)) - 1U;
        const F first = _mm512_maskz_loadu_ps(static_cast<M>(mask & 0xFFFFU), p);
        const F second = _mm512_maskz_loadu_ps(static_cast<M>(mask >> 16), p + 16);
        const I even = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
        return _mm512_permutex2var_ps(first, _mm512_add_epi32(even, _mm512_set1_epi32(which)), second);
    }
    static F scales(const GroupParams* columns, int count) { return parameter(columns, count, 0); }
    static F zeroPoints(const GroupParams* columns, int count) { return parameter(columns, count, 1); }

    static I mixBits(I x) {
        x = _mm512_xor_si512(x, _mm512_srli_epi64(x, 30));
        x = _mm512_mullo_epi64(x, _mm512_set1_epi64(static_cast<long long>(elementwise::kMixA)));
        x = _mm512_xor_si512(x, _mm512_srli_epi64(x, 27));
        x = _mm512_mullo_epi64(x, _mm512_set1_epi64(static_cast<long long>(elementwise::kMixB)));
        return _mm512_xor_si512(x, _mm512_srli_epi64(x, 31));
    }
    static __m512d uniform(uint64_t key, uint64_t element) {
        const I lane = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
        const I n = _mm512_add_epi64(_mm512_set1_epi64(static_cast<long long>(element)), lane);
        const I odd = _mm512_or_si512(mixBits(n), _mm512_set1_epi64(1));
        const I spread =
            _mm512_mullo_epi64(odd, _mm512_set1_epi64(static_cast<long long>(elementwise::kGolden)));
        const I bits = mixBits(_mm512_add_epi64(_mm512_set1_epi64(static_cast<long long>(key)), spread));
        return _mm512_mul_pd(_mm512_cvtepu64_pd(_mm512_srli_epi64(bits, 11)), _mm512_set1_pd(0x1.0p-53));
    }
    /// CounterRandom's uniform(element + lane) < fraction.
    static M randomBelow(uint64_t key, uint64_t element, F fraction) {
        const unsigned low = _mm512_cmp_pd_mask(uniform(key, element), lowHalf(fraction), _CMP_LT_OQ);
        const unsigned high = _mm512_cmp_pd_mask(uniform(key, element + 8), highHalf(fraction), _CMP_LT_OQ);
        return static_cast<M>(low | (high << 8));
    }
};

void fromF16(const uint16_t* src, float* dst, int64_t count) {
    int64_t i = 0;
    for (; i + 16 <= count; i += 16) {
        const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(src + i));
        _mm512_storeu_ps(dst + i, _mm512_cvtph_ps(half));
    }
    if (i < count) {
        const __mmask16 rest = Avx512::lanesMask(static_cast<int>(count - i));
        _mm512_mask_storeu_ps(dst + i, rest, _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(rest, src + i)));
    }
}

void fromBf16(const uint16_t* src, float* dst, int64_t count) {
    for (int64_t i = 0; i < count; i += 16) {
        const __mmask16 lanes = Avx512::lanesMask(count - i < 16 ? static_cast<int>(count - i) : 16);
        const __m512i wide = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(lanes, src + i));
        _mm512_mask_storeu_epi32(dst + i, lanes, _mm512_slli_epi32(wide, 16));
    }
}

}  // namespace

const ElementwiseKernels kAvx512Elementwise = elementwise::table<Avx512>(fromF16, fromBf16);

}  // namespace quantscope
