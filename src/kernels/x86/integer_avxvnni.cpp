// SPDX-License-Identifier: Apache-2.0
#include "kernels/x86/integer_int4.h"
#include "kernels/x86/integer_lanes_avx2.h"
#include "kernels/x86/integer_rows.h"
#include "kernels/x86/integer_vnni.h"
#include "kernels/x86/tables.h"

namespace quantscope {
namespace {

struct AvxVnni : integer::Lanes256 {
    static constexpr int kTileRows = 6;  // 12 sums, 2 vectors of the panel, a broadcast: 15 of 16 registers
    static constexpr int kTileVectors = 2;
    static constexpr int kCodeRows = 2;
    static constexpr int kFloatRows = 4;
    static I dot(I sums, I codes, I weights) {
        __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sums) : "x"(codes), "x"(weights));
        return sums;
    }
    static I dotFour(I sums, I fours, I codes) { return dot(sums, fours, codes); }
};

using Rows = integer::Rows<AvxVnni>;
using Int4 = integer::Int4<AvxVnni>;

}  // namespace

const IntegerKernels kAvxVnniInteger{integer::Vnni<AvxVnni>::panel,
                                     Int4::w4a8Panel,
                                     Int4::w4a16Panel,
                                     saturatingPanelAvx2,
                                     Rows::shiftCodes,
                                     Rows::sumCodes,
                                     Rows::rowRange,
                                     Rows::encodeRow,
                                     integer::Vnni<AvxVnni>::peakLoop};

}  // namespace quantscope
