// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "quant/scheme/scheme.h"

namespace quantscope {

/// Scale and zero point of one group. Integer and Float domains: r = S (q - zeroPoint). Minimum domain:
/// zeroPoint holds the value m of code 0 and r = S q + m.
struct GroupParams {
    float scale = 1;
    float zeroPoint = 0;
    bool operator==(const GroupParams&) const = default;
};

/// Everything an elementwise pass over one group needs; plain, so that instruction-set files can include it.
/// t = r / S (or r * (1/S) if multiplyByInverse); Minimum domain: t = (r - m) / S.
/// q = clamp(round(t + Z)) if zeroPointInside, else clamp(round(t) + Z), to [codeMin, codeMax]; in the
/// Minimum domain Z is not added. S == 0 (an all-zero group) gives q = Z (or 0) clamped and r^ = 0 (or m).
/// NaN becomes the code of 0. All of it in float32, each operation rounded once (no fused multiply-add).
/// HalfUp is floor(x + 0.5f), the sum rounded to float as ggml does; Stochastic is floor(x) + 1 if
/// uniform(n) < x - floor(x), else floor(x).
/// If encodeDiffers, S, Z and m of the two formulas above come from `encode`, while r^ uses `group`: GGUF and
/// GPTQ round with the float32 scale and store (and decode with) its F16 value.
struct QuantizeParams {
    GroupParams group;
    GroupParams encode;  ///< only if encodeDiffers
    bool encodeDiffers = false;
    int32_t codeMin = -127;
    int32_t codeMax = 127;
    Rounding rounding = Rounding::HalfEven;
    ZeroPointDomain domain = ZeroPointDomain::Integer;
    bool zeroPointInside = false;
    bool multiplyByInverse = false;
    uint64_t seed = 0;          ///< Stochastic: random number n of CounterRandom(seed) belongs to element n
    uint64_t firstElement = 0;  ///< index in the tensor of the first element of the run
};

}  // namespace quantscope
