// SPDX-License-Identifier: Apache-2.0
#include "analysis/tensor/element_arithmetic.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>

#include "base/random.h"
#include "quant/passes/reference.h"
#include "quant/passes/rounding.h"

namespace quantscope {

namespace {

/// The way of quant/passes/reference.h's quantizeValue, with every stop on it.
void followRounding(ElementArithmetic& element, const QuantizeParams& params) {
    const GroupParams& group = params.encodeDiffers ? params.encode : params.group;
    const bool minimum = params.domain == ZeroPointDomain::Minimum;
    const float shifted = minimum ? element.r - group.zeroPoint : element.r;
    const float zeroPoint = minimum ? 0 : group.zeroPoint;
    if (group.scale != 0)
        element.t = params.multiplyByInverse ? shifted * (1 / group.scale) : shifted / group.scale;
    const CounterRandom random(params.seed);
    element.rounded = params.zeroPointInside
                          ? roundBy(params.rounding, element.t + zeroPoint, random, params.firstElement)
                          : roundBy(params.rounding, element.t, random, params.firstElement) + zeroPoint;
}

void findNeighbours(ElementArithmetic& element, const QuantizeParams& params) {
    if (params.group.scale == 0) return;
    const int32_t up = params.group.scale > 0 ? 1 : -1;
    const auto level = [&](int32_t code) -> std::optional<float> {
        if (code < params.codeMin || code > params.codeMax) return std::nullopt;
        return dequantizeValue(code, params);
    };
    element.lowerLevel = level(element.q - up);
    element.upperLevel = level(element.q + up);
}

/// Without arithmetic: the method gave the value, and the code where there is one.
void followStored(ElementArithmetic& element, const StoredWeight& stored) {
    element.rHat = stored.values.matrix().at(element.row, element.col);
    element.error = element.r - element.rHat;
    if (!stored.codes) return;
    element.group = stored.codes->groupOf(element.row, element.col);
    element.codeMin = stored.codes->codeMin;
    element.codeMax = stored.codes->codeMax;
    element.q = stored.codes->code(element.row, element.col);
    element.clipped = !stored.codes->rangeAt(element.row, element.col).holds(element.r);
}

std::string number(float value) {
    return fmt::format("{:.4g}", static_cast<double>(value));
}

}  // namespace

ElementArithmetic elementAt(const MatrixView& matrix, const MatrixQuantization& quantization, int64_t row,
                            int64_t col) {
    assert(row >= 0 && row < matrix.rows && col >= 0 && col < matrix.cols);
    ElementArithmetic element;
    element.row = row;
    element.col = col;
    element.r = matrix.at(row, col);
    element.rHat = element.r;
    element.isFloat = quantization.isFloat();
    if (element.isFloat) return element;
    if (quantization.stored) {
        followStored(element, *quantization.stored);
        return element;
    }
    const QuantizeParams params = quantization.paramsAt(row, col);
    element.group = quantization.layout.groupOf(row, col);
    element.params = params.group;
    element.codeMin = params.codeMin;
    element.codeMax = params.codeMax;
    followRounding(element, params);
    element.q = quantizeValue(element.r, params);
    if (quantization.codes != nullptr) {
        const int32_t given = quantization.codes->code(row, col);
        element.chosenByMethod = given != element.q;
        element.q = given;
    }
    element.rHat = dequantizeValue(element.q, params);
    element.error = element.r - element.rHat;
    const float a = dequantizeValue(params.codeMin, params);
    const float b = dequantizeValue(params.codeMax, params);
    element.clipped = element.r < std::min(a, b) || element.r > std::max(a, b);
    findNeighbours(element, params);
    return element;
}

std::string sentence(const ElementArithmetic& e, const MatrixQuantization& quantization) {
    if (e.isFloat) return fmt::format("[{}, {}] {}", e.row, e.col, number(e.r));
    if (quantization.stored) {
        std::string given = fmt::format("[{}, {}] {} → ", e.row, e.col, number(e.r));
        if (const auto& codes = quantization.stored->codes)
            given += fmt::format("code {} ({}) → ", e.q, codes->meaning);
        given += fmt::format("{}, error {}", number(e.rHat), number(e.error));
        return given + (e.clipped ? ", outside the range of its group" : "");
    }
    const Scheme& scheme = quantization.scheme;
    const bool minimum =
        scheme.mapping == Mapping::Affine && scheme.zeroPointDomain == ZeroPointDomain::Minimum;
    std::string text = fmt::format("[{}, {}] ", e.row, e.col);
    if (e.params.scale == 0) {
        text += fmt::format("{}, S = 0 → q {}", number(e.r), e.q);
    } else if (minimum) {
        text += fmt::format("({} − {}) / {} = {} → q {}", number(e.r), number(e.params.zeroPoint),
                            number(e.params.scale), number(e.t), e.q);
    } else {
        text += fmt::format("{} / {} = {}", number(e.r), number(e.params.scale), number(e.t));
        if (e.params.zeroPoint != 0) text += fmt::format(", Z = {}", number(e.params.zeroPoint));
        text += fmt::format(" → q {}", e.q);
    }
    if (e.chosenByMethod) text += fmt::format(" (rounding gives {})", number(e.rounded));
    text += fmt::format(" → {}, error {}", number(e.rHat), number(e.error));
    if (e.clipped) text += fmt::format(", clipped to [{}, {}]", e.codeMin, e.codeMax);
    return text;
}

}  // namespace quantscope
