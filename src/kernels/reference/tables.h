// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/elementwise_kernels.h"
#include "kernels/forward_kernels.h"
#include "kernels/integer_kernels.h"

namespace quantscope {

/// The meaning of every kernel, in plain loops.
extern const ElementwiseKernels kReferenceElementwise;
extern const ForwardKernels kReferenceForward;
extern const IntegerKernels kReferenceInteger;

}  // namespace quantscope
