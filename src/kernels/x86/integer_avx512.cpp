// SPDX-License-Identifier: Apache-2.0
#include "kernels/x86/integer_int4.h"
#include "kernels/x86/integer_lanes_avx512.h"
#include "kernels/x86/integer_rows.h"
#include "kernels/x86/integer_widening.h"
#include "kernels/x86/tables.h"

namespace quantscope {
namespace {

struct Avx512 : integer::Lanes512 {
    static constexpr int kWideRows = 12;    // 24 sums, 2 vectors of the panel, broadcasts
    static constexpr int kWideVectors = 2;  // 16 columns
    static constexpr int kCodeRows = 6;
    static constexpr int kFloatRows = 10;

    static I widenSigned(const void* p) {
        return _mm512_cvtepi8_epi16(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
    }
    static I broadcastFourWidened(const void* p) {
        int32_t four;
        __builtin_memcpy(&four, p, sizeof four);
        return _mm512_cvtepu8_epi16(_mm256_set1_epi32(four));
    }
    static I multiplyPairs(I a, I b) { return _mm512_madd_epi16(a, b); }
    static I addNeighbours(I a, I b) {
        const I even = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
        const I odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
        return _mm512_add_epi32(_mm512_permutex2var_epi32(a, even, b), _mm512_permutex2var_epi32(a, odd, b));
    }
    static I dotFour(I sums, I fours, I codes) {
        const I pairs = _mm512_maddubs_epi16(fours, codes);
        return _mm512_add_epi32(sums, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
    }
};

using Rows = integer::Rows<Avx512>;
using Int4 = integer::Int4<Avx512>;

}  // namespace

const IntegerKernels kAvx512Integer{integer::Widening<Avx512>::panel,
                                    Int4::w4a8Panel,
                                    Int4::w4a16Panel,
                                    saturatingPanelAvx2,
                                    Rows::shiftCodes,
                                    Rows::sumCodes,
                                    Rows::rowRange,
                                    Rows::encodeRow,
                                    integer::Widening<Avx512>::peakLoop};

}  // namespace quantscope
