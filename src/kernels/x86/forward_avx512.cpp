// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "kernels/x86/forward_body.h"
#include "kernels/x86/tables.h"

namespace quantscope {
namespace {

/// Sixteen floats; see forward_body.h.
struct Avx512 {
    using F = __m512;
    using M = __mmask16;
    static constexpr int kLanes = 16;
    static constexpr int kTileRows = 6;  // 6 x 4 sums, 4 columns and a factor: 29 of 32 registers
    static constexpr int kTileVectors = 4;
    static constexpr int kPanelRows = 12;
    static constexpr int kPanelVectors = 2;

    static M lanesMask(int lanes) { return static_cast<M>((1U << lanes) - 1U); }
    static F zero() { return _mm512_setzero_ps(); }
    static F set(float x) { return _mm512_set1_ps(x); }
    static F load(const float* p) { return _mm512_loadu_ps(p); }
    static F loadPart(const float* p, int lanes) { return _mm512_maskz_loadu_ps(lanesMask(lanes), p); }
    static void store(float* p, F x) { _mm512_storeu_ps(p, x); }
    static void storePart(float* p, F x, int lanes) { _mm512_mask_storeu_ps(p, lanesMask(lanes), x); }
    static F add(F a, F b) { return _mm512_add_ps(a, b); }
    static F sub(F a, F b) { return _mm512_sub_ps(a, b); }
    static F mul(F a, F b) { return _mm512_mul_ps(a, b); }
    static F div(F a, F b) { return _mm512_div_ps(a, b); }
    static F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
    static F min(F a, F b) { return _mm512_min_ps(a, b); }
    static F max(F a, F b) { return _mm512_max_ps(a, b); }
    static F nearest(F a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
    /// a 2^n.
    static F scaleByPower(F a, F n) { return _mm512_scalef_ps(a, n); }
    static M less(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
    static M equal(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
    static bool any(M m) { return m != 0; }
    static F select(M m, F yes, F no) { return _mm512_mask_blend_ps(m, no, yes); }
    static F keep(M m, F a) { return _mm512_maskz_mov_ps(m, a); }
    static F firstLanes(F a, F rest, int lanes) { return select(lanesMask(lanes), a, rest); }
    static float sum(F a) { return _mm512_reduce_add_ps(a); }
    static float largest(F a) { return _mm512_reduce_max_ps(a); }
};

}  // namespace

const ForwardKernels kAvx512Forward = forward::table<Avx512>();

}  // namespace quantscope
