// SPDX-License-Identifier: Apache-2.0
#include "analysis/product/product_trace.h"

#include <algorithm>
#include <cassert>

namespace quantscope {
namespace {

TraceStep stepAt(const QuantizedProduct& product, const MatrixView& x, const MatrixView& w, int64_t row,
                 int64_t channel, int64_t k) {
    TraceStep step;
    step.k = k;
    step.x = x.at(row, k);
    step.w = w.at(channel, k);
    step.liftedOut = product.isLiftedOut(k);
    step.xValue = product.x.value(row, k);
    step.wValue = product.w.value(channel, k);
    if (step.liftedOut) {
        step.xValue = static_cast<double>(step.x);
        step.wValue = static_cast<double>(step.w);
    }
    if (!product.x.isFloat()) step.a = product.x.code(row, k);
    if (!product.w.isFloat()) step.b = product.w.code(channel, k);
    if (product.isInteger) step.product = int64_t{step.a} * step.b;
    return step;
}

TraceSegment segmentAt(const QuantizedProduct& product, int64_t row, int64_t channel, int64_t begin,
                       int64_t end) {
    TraceSegment s;
    s.begin = begin;
    s.end = end;
    for (int64_t k = begin; k < end; ++k) {
        const int64_t a = product.x.code(row, k);
        const int64_t b = product.w.code(channel, k);
        s.sum += a * b;
        s.xSum += a;
        s.wSum += b;
    }
    s.xScale = product.x.scale(row, begin);
    s.wScale = product.w.scale(channel, begin);
    s.integerZeros = product.x.hasIntegerZeros() && product.w.hasIntegerZeros();
    const auto count = static_cast<double>(end - begin);
    if (!s.integerZeros) {
        const double cx = product.x.offset(row, begin);
        const double cw = product.w.offset(channel, begin);
        s.corrected = s.sum;
        s.value = s.xScale * s.wScale * static_cast<double>(s.sum) +
                  s.xScale * cw * static_cast<double>(s.xSum) + cx * s.wScale * static_cast<double>(s.wSum) +
                  count * cx * cw;
        return s;
    }
    s.xZero = product.x.zeroPoint(row, begin);
    s.wZero = product.w.zeroPoint(channel, begin);
    s.wTerm = -s.wZero * s.xSum;
    s.xTerm = -s.xZero * s.wSum;
    s.bothTerm = (end - begin) * s.xZero * s.wZero;
    s.corrected = s.sum + s.wTerm + s.xTerm + s.bothTerm;
    s.value = s.xScale * s.wScale * static_cast<double>(s.corrected);
    return s;
}

TraceRequantization requantizationAt(const QuantizedProduct& product, const RequantizedProduct& requantized,
                                     int64_t row, int64_t channel) {
    const OutputStage& stage = requantized.stage;
    TraceRequantization r;
    r.sum = static_cast<int32_t>(product.corrected(row, channel));
    r.factor = stage.factor(channel);
    r.multiplier = stage.multiplier(channel);
    r.fractionBits = binaryFraction(r.multiplier);
    const int left = std::max(-r.multiplier.rightShift, 0);
    const int right = std::max(r.multiplier.rightShift, 0);
    r.highProduct = roundingDoublingHighMultiply(saturatingLeftShift(stage.withBias(r.sum, channel), left),
                                                 r.multiplier.mantissa);
    r.shifted = roundingRightShift(r.highProduct, right);
    r.zeroPoint = stage.zeroPoint;
    r.clampMin = stage.clampMin;
    r.clampMax = stage.clampMax;
    const auto at = static_cast<size_t>(row * product.channels + channel);
    r.code = requantized.codes.fixed[at];
    r.floatCode = requantized.codes.floating[at];
    r.scale = requantized.outputScale;
    r.value = static_cast<double>(r.scale) * (r.code - r.zeroPoint);
    return r;
}

}  // namespace

ProductTrace traceCell(const QuantizedProduct& product, const MatrixView& x, const MatrixView& w, int64_t row,
                       int64_t channel, const RequantizedProduct* requantized) {
    assert(row >= 0 && row < product.rows && channel >= 0 && channel < product.channels);
    ProductTrace trace;
    trace.row = row;
    trace.channel = channel;
    trace.isInteger = product.isInteger;
    for (const ProductSegment& segment : product.segments)
        trace.segments.push_back(segmentAt(product, row, channel, segment.begin, segment.end));
    size_t segment = 0;
    int64_t accumulator = 0;
    double running = 0;
    trace.steps.reserve(static_cast<size_t>(product.depth));
    for (int64_t k = 0; k < product.depth; ++k) {
        TraceStep step = stepAt(product, x, w, row, channel, k);
        if (!trace.segments.empty() && k == trace.segments[segment].end) {
            ++segment;
            accumulator = 0;
        }
        accumulator += step.product;
        running += step.xValue * step.wValue;
        step.accumulator = accumulator;
        step.running = running;
        step.segment = static_cast<int64_t>(segment);
        if (step.liftedOut) trace.liftedOut += step.xValue * step.wValue;
        trace.exact += static_cast<double>(step.x) * static_cast<double>(step.w);
        trace.steps.push_back(step);
    }
    trace.value = product.isInteger ? trace.liftedOut : running;
    for (const TraceSegment& s : trace.segments) trace.value += s.value;
    trace.error = trace.value - trace.exact;
    if (requantized != nullptr) trace.requantization = requantizationAt(product, *requantized, row, channel);
    return trace;
}

}  // namespace quantscope
