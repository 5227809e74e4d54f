// SPDX-License-Identifier: Apache-2.0
#include "kernels/x86/integer_lanes_avx512.h"
#include "kernels/x86/integer_vnni.h"
#include "kernels/x86/tables.h"

namespace quantscope {
namespace {

struct Avx512Vnni : integer::Lanes512 {
    static constexpr int kTileRows = 12;  // 24 sums, 2 vectors of the panel, broadcasts: 12 x 2 x 16 columns
    static constexpr int kTileVectors = 2;
    /// sums + four products u8 * s8. Written out: GCC 12 copies the sums around its intrinsic in every step.
    static I dot(I sums, I codes, I weights) {
        __asm__("vpdpbusd %2, %1, %0" : "+v"(sums) : "v"(codes), "v"(weights));
        return sums;
    }
};

}  // namespace

const IntegerKernels kAvx512VnniInteger{integer::Vnni<Avx512Vnni>::panel,
                                        nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};

}  // namespace quantscope
