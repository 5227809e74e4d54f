// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "kernels/x86/forward_body.h"
#include "kernels/x86/tables.h"

namespace quantscope {
namespace {

/// Eight floats; see forward_body.h. Masks are lanes of all ones or all zeros.
struct Avx2 {
    using F = __m256;
    struct M {
        __m256 lanes;
    };
    static constexpr int kLanes = 8;
    static constexpr int kTileRows = 6;  // 6 x 2 sums, 2 columns and a factor: 15 of 16 registers
    static constexpr int kTileVectors = 2;
    static constexpr int kPanelRows = 6;
    static constexpr int kPanelVectors = 2;

    static __m256i lanesMask(int lanes) {
        return _mm256_cmpgt_epi32(_mm256_set1_epi32(lanes), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    }
    static F zero() { return _mm256_setzero_ps(); }
    static F set(float x) { return _mm256_set1_ps(x); }
    static F load(const float* p) { return _mm256_loadu_ps(p); }
    static F loadPart(const float* p, int lanes) { return _mm256_maskload_ps(p, lanesMask(lanes)); }
    static void store(float* p, F x) { _mm256_storeu_ps(p, x); }
    static void storePart(float* p, F x, int lanes) { _mm256_maskstore_ps(p, lanesMask(lanes), x); }
    static F add(F a, F b) { return _mm256_add_ps(a, b); }
    static F sub(F a, F b) { return _mm256_sub_ps(a, b); }
    static F mul(F a, F b) { return _mm256_mul_ps(a, b); }
    static F div(F a, F b) { return _mm256_div_ps(a, b); }
    static F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
    static F min(F a, F b) { return _mm256_min_ps(a, b); }
    static F max(F a, F b) { return _mm256_max_ps(a, b); }
    static F nearest(F a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
    static F power(__m256i n) {
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
    }
    /// a 2^n for |n| <= 252, in two steps so that the result may be subnormal or infinite.
    static F scaleByPower(F a, F n) {
        const __m256i whole = _mm256_cvtps_epi32(n);
        const __m256i half = _mm256_srai_epi32(whole, 1);
        return mul(mul(a, power(half)), power(_mm256_sub_epi32(whole, half)));
    }
    static M less(F a, F b) { return {_mm256_cmp_ps(a, b, _CMP_LT_OQ)}; }
    static M equal(F a, F b) { return {_mm256_cmp_ps(a, b, _CMP_EQ_OQ)}; }
    static bool any(M m) { return _mm256_movemask_ps(m.lanes) != 0; }
    static F select(M m, F yes, F no) { return _mm256_blendv_ps(no, yes, m.lanes); }
    static F keep(M m, F a) { return _mm256_and_ps(m.lanes, a); }
    static F firstLanes(F a, F rest, int lanes) {
        return _mm256_blendv_ps(rest, a, _mm256_castsi256_ps(lanesMask(lanes)));
    }
    static float sum(F a) {
        alignas(32) float x[8];
        _mm256_store_ps(x, a);
        return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
    }
    static float largest(F a) {
        alignas(32) float x[8];
        _mm256_store_ps(x, a);
        float result = x[0];
        for (int i = 1; i < 8; ++i) result = x[i] > result ? x[i] : result;
        return result;
    }
};

}  // namespace

const ForwardKernels kAvx2Forward = forward::table<Avx2>();

}  // namespace quantscope
