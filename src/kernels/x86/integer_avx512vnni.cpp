// SPDX-License-Identifier: Apache-2.0
#include "kernels/x86/integer_int4.h"
#include "kernels/x86/integer_lanes_avx512.h"
#include "kernels/x86/integer_rows.h"
#include "kernels/x86/integer_vnni.h"
#include "kernels/x86/tables.h"

namespace quantscope {
namespace {

struct Avx512Vnni : integer::Lanes512 {
    static constexpr int kTileRows = 12;  // 24 sums, 2 vectors of the panel, broadcasts: 12 x 2 x 16 columns
    static constexpr int kTileVectors = 2;
    static constexpr int kCodeRows = 6;    // 12 sums and 12 floats
    static constexpr int kFloatRows = 10;  // 20 sums, scales, table
    /// sums + four products u8 * s8. Written out: GCC 12 copies the sums around its intrinsic in every step.
    static I dot(I sums, I codes, I weights) {
        __asm__("vpdpbusd %2, %1, %0" : "+v"(sums) : "v"(codes), "v"(weights));
        return sums;
    }
    static I dotFour(I sums, I fours, I codes) { return dot(sums, fours, codes); }
};

using Rows = integer::Rows<Avx512Vnni>;
using Int4 = integer::Int4<Avx512Vnni>;

}  // namespace

const IntegerKernels kAvx512VnniInteger{integer::Vnni<Avx512Vnni>::panel,
                                        Int4::w4a8Panel,
                                        Int4::w4a16Panel,
                                        saturatingPanelAvx2,
                                        Rows::shiftCodes,
                                        Rows::sumCodes,
                                        Rows::rowRange,
                                        Rows::encodeRow,
                                        integer::Vnni<Avx512Vnni>::peakLoop};

}  // namespace quantscope
