// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/random.h"
#include "quant/scheme/scheme.h"

namespace quantscope {

/// x to an integral value; `element` and `random` are used by Stochastic only.
/// HalfEven: nearest, ties to even (torch.round, NumPy). HalfAway: ties away from zero (roundf, Q8_0).
/// HalfUp: floor(x + 0.5f), the sum in float (Q4_0, Q4_1). Stochastic: up with probability x - floor(x).
float roundBy(Rounding rounding, float x, const CounterRandom& random, uint64_t element);

}  // namespace quantscope
