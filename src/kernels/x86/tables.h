// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/elementwise_kernels.h"
#include "kernels/forward_kernels.h"
#include "kernels/integer_kernels.h"

namespace quantscope {

extern const ElementwiseKernels kAvx2Elementwise;
extern const ElementwiseKernels kAvx512Elementwise;
extern const ForwardKernels kAvx2Forward;
extern const ForwardKernels kAvx512Forward;
extern const IntegerKernels kAvx2Integer;
extern const IntegerKernels kAvxVnniInteger;
extern const IntegerKernels kAvx512Integer;
extern const IntegerKernels kAvx512VnniInteger;

/// PMADDUBSW needs no more than AVX2: one form serves every table.
void saturatingPanelAvx2(const Int8PanelCall& call, int64_t depth, SaturationCounts& counts);

/// Tiles do the int8 product; the rest of that table is AVX-512 VNNI's.
void int8PanelAmx(const Int8PanelCall& call);
int64_t peakLoopAmx(int64_t steps);

}  // namespace quantscope
