// SPDX-License-Identifier: Apache-2.0
#include "kernels/x86/integer_int4.h"
#include "kernels/x86/integer_lanes_avx2.h"
#include "kernels/x86/integer_rows.h"
#include "kernels/x86/integer_saturating.h"
#include "kernels/x86/integer_widening.h"
#include "kernels/x86/tables.h"

namespace quantscope {
namespace {

struct Avx2 : integer::Lanes256 {
    static constexpr int kWideRows = 4;     // 8 or 16 columns in 2 or 4 vectors: 16 registers bound this
    static constexpr int kWideVectors = 2;  // 8 columns
    static constexpr int kCodeRows = 2;
    static constexpr int kFloatRows = 4;

    static I widenSigned(const void* p) {
        return _mm256_cvtepi8_epi16(_mm_loadu_si128(static_cast<const __m128i*>(p)));
    }
    static I broadcastFourWidened(const void* p) {
        int32_t four;
        __builtin_memcpy(&four, p, sizeof four);
        return _mm256_cvtepu8_epi16(_mm_set1_epi32(four));
    }
    static I multiplyPairs(I a, I b) { return _mm256_madd_epi16(a, b); }
    /// Sums of neighbouring lanes, those of `a` first.
    static I addNeighbours(I a, I b) { return _mm256_permute4x64_epi64(_mm256_hadd_epi32(a, b), 0xD8); }
    /// Two products of u4 and s8 never leave 16 bits: 2 * 15 * 128.
    static I dotFour(I sums, I fours, I codes) {
        const I pairs = _mm256_maddubs_epi16(fours, codes);
        return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    }
};

using Rows = integer::Rows<Avx2>;
using Int4 = integer::Int4<Avx2>;

}  // namespace

void saturatingPanelAvx2(const Int8PanelCall& call, int64_t depth, SaturationCounts& counts) {
    integer::Saturating<Avx2>::panel(call, depth, counts);
}

const IntegerKernels kAvx2Integer{integer::Widening<Avx2>::panel,
                                  Int4::w4a8Panel,
                                  Int4::w4a16Panel,
                                  saturatingPanelAvx2,
                                  Rows::shiftCodes,
                                  Rows::sumCodes,
                                  Rows::rowRange,
                                  Rows::encodeRow,
                                  integer::Widening<Avx2>::peakLoop};

}  // namespace quantscope
