// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/product/product.h"

namespace quantscope {

/// One step k of an output cell: a_k b_k is added to the accumulator.
struct TraceStep {
    int64_t k = 0;
    float x = 0;  ///< real values
    float w = 0;
    bool liftedOut = false;  ///< multiplied in float beside the integers
    int32_t a = 0;           ///< codes; 0 for a float side
    int32_t b = 0;
    double xValue = 0;  ///< r^ of both sides
    double wValue = 0;
    int64_t product = 0;      ///< a b
    int64_t accumulator = 0;  ///< sum a b of the segment so far, this step included
    double running = 0;       ///< sum of r^ r^ (and of the float parts) so far, over all segments
    int64_t segment = 0;
};

/// The way from one segment's sums to its part of the result.
struct TraceSegment {
    int64_t begin = 0;
    int64_t end = 0;
    int64_t sum = 0;   ///< sum a b
    int64_t xSum = 0;  ///< sum a
    int64_t wSum = 0;  ///< sum b
    double xScale = 0;
    double wScale = 0;
    bool integerZeros = true;
    int32_t xZero = 0;  ///< Z_A, Z_B; meaningful with integerZeros
    int32_t wZero = 0;
    int64_t wTerm = 0;      ///< - Z_B sum a (online)
    int64_t xTerm = 0;      ///< - Z_A sum b (offline)
    int64_t bothTerm = 0;   ///< (end - begin) Z_A Z_B (offline)
    int64_t corrected = 0;  ///< sum of the four
    double value = 0;       ///< S_A S_B corrected
};

/// The integer-only output stage of the cell.
struct TraceRequantization {
    int32_t sum = 0;    ///< corrected
    double factor = 0;  ///< M = S_A S_B / S_C
    FixedPointMultiplier multiplier;
    std::string fractionBits;  ///< M0 in binary
    int32_t highProduct = 0;   ///< after the rounding doubling high multiply
    int32_t shifted = 0;       ///< after the rounding right shift
    int32_t zeroPoint = 0;
    int32_t clampMin = 0;
    int32_t clampMax = 0;
    int32_t code = 0;
    int32_t floatCode = 0;  ///< by the float path
    float scale = 0;
    double value = 0;  ///< S_C (q - Z_C)
};

/// Everything about one cell (row i, channel j) of the product.
struct ProductTrace {
    int64_t row = 0;
    int64_t channel = 0;
    bool isInteger = true;
    std::vector<TraceStep> steps;  ///< every k in order
    std::vector<TraceSegment> segments;
    double liftedOut = 0;  ///< the float part
    double value = 0;      ///< the result, dequantized
    double exact = 0;      ///< of the float matrices, in double
    double error = 0;      ///< value - exact
    std::optional<TraceRequantization> requantization;
};

/// A pure function of the product and the matrices it was made of. (row, channel) must lie inside (asserted).
ProductTrace traceCell(const QuantizedProduct& product, const MatrixView& x, const MatrixView& w, int64_t row,
                       int64_t channel, const RequantizedProduct* requantized = nullptr);

}  // namespace quantscope
