// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "quant/passes/error_split.h"
#include "quant/passes/quantize_params.h"
#include "quant/scheme/scheme.h"

namespace quantscope {

/// The scalar meaning of a scheme. Kernels are tested against these functions; nothing here is tuned.
/// The formulas stand at QuantizeParams; all arithmetic is float32, as in the peers.

/// Smallest and largest code of an integer scheme, b bits.
/// Affine, Float and Integer domain: -2^(b-1) .. 2^(b-1)-1 if signed, else 0 .. 2^b-1.
/// Minimum domain: 0 .. 2^b-1 whatever isSigned says, because code 0 has the value m.
/// Symmetric, signed: Narrow leaves -2^(b-1) out, the other ranges use all codes.
/// Symmetric, unsigned: the same range moved up by 2^(b-1), which is then the zero point (GPTQ's zero = 8).
int32_t codeMin(const Scheme& scheme);
int32_t codeMax(const Scheme& scheme);

/// A range to quantize, low <= high. `lowIsExtreme` decides the sign of SignedExtreme's scale when
/// low == -high: the one of the two values that comes first in the group (ggml keeps the first).
struct Range {
    float low = 0;
    float high = 0;
    bool lowIsExtreme = false;
    bool operator==(const Range&) const = default;
};

/// Scale and zero point (or minimum) of a range. Rounded to scaleFormat unless encodeUnrounded.
/// Affine: [low, high] is first extended to contain 0 if rangeIncludesZero; S = (high - low) / (2^b - 1);
/// Integer: Z = clamp(codeMin - halfEven(low / S)) (torch, torchao, GPTQ, AWQ); Float: Z = codeMin - low / S;
/// Minimum: m = low.
/// Symmetric: S from absmax = max(|low|, |high|) as SymmetricRange says, Z = 0 (2^(b-1) if unsigned).
/// |S| below the smallest normal float (1.2e-38) counts as 0, so that 1/S is finite.
GroupParams paramsFromRange(const Range& range, const Scheme& scheme);
GroupParams paramsFromRange(double low, double high, const Scheme& scheme);

/// The parameters as they are stored: scale, float zero point and minimum rounded to scaleFormat.
GroupParams storedParams(const GroupParams& params, const Scheme& scheme);

/// What an elementwise pass needs for a group with these parameters (as paramsFromRange or
/// QuantizedTensor::groups() gives them).
QuantizeParams quantizeParams(const Scheme& scheme, const GroupParams& params);

/// The code of a value; `element` is its index in the tensor (row-major), used by stochastic rounding only.
int32_t quantizeValue(float value, const QuantizeParams& params, uint64_t element);
/// The same for the first element of the run.
int32_t quantizeValue(float value, const QuantizeParams& params);
/// The value of a code.
float dequantizeValue(int32_t code, const QuantizeParams& params);
float dequantizeValue(int32_t code, const GroupParams& params, ZeroPointDomain domain);

/// Error of a run of consecutive elements, the first of which is params.firstElement. An element is clipped
/// if it lies outside [r^(codeMin), r^(codeMax)] (the ends swapped when the scale is negative).
ErrorSplit splitError(std::span<const float> values, const QuantizeParams& params);

}  // namespace quantscope
