// SPDX-License-Identifier: Apache-2.0
#include "quant/passes/rounding.h"

#include <cmath>

namespace quantscope {

float roundBy(Rounding rounding, float x, const CounterRandom& random, uint64_t element) {
    switch (rounding) {
        case Rounding::HalfEven:
            return std::nearbyint(x);
        case Rounding::HalfAway:
            return std::round(x);
        case Rounding::HalfUp:
            return std::floor(x + 0.5F);
        case Rounding::Floor:
            return std::floor(x);
        case Rounding::Ceil:
            return std::ceil(x);
        case Rounding::TowardZero:
            return std::trunc(x);
        case Rounding::Stochastic: {
            const float below = std::floor(x);
            return below + (random.uniform(element) < static_cast<double>(x - below) ? 1.0F : 0.0F);
        }
    }
    return x;
}

}  // namespace quantscope
