// SPDX-License-Identifier: Apache-2.0
#include "methods/microscaling.h"

#include <cmath>

#include "methods/interface/options.h"
#include "methods/parts/input_runs.h"
#include "methods/parts/level_codes.h"
#include "methods/parts/minifloat_codes.h"
#include "methods/parts/stored_values.h"
#include "quant/passes/codebook_runs.h"

namespace quantscope {

Microscaling::Microscaling(Element element) : m_element(element) {
    const char* names[] = {"mxfp4", "mxfp6", "mxfp8"};
    const char* labels[] = {"MXFP4", "MXFP6", "MXFP8"};
    const auto i = static_cast<size_t>(element);
    m_info.name = names[i];
    m_info.label = labels[i];
    m_info.source = "OCP Microscaling Formats 1.0 (2023)";
    m_info.help =
        "blocks of 32 inputs share a power of two: r = 2^e cast(w / 2^e), e = floor(log2 absmax) - "
        "largest exponent of the element";
    m_info.usesScheme = false;
    m_info.minimumBits = 4 + 2 * static_cast<double>(i);
    m_info.maximumBits = m_info.minimumBits + 0.25;
    m_info.scheme.bits = element == Element::Fp8 ? 8 : (element == Element::Fp6 ? 6 : 4);
    if (element == Element::Fp8) m_info.parameters.push_back(elementChoice("e4m3", "e5m2"));
    if (element == Element::Fp6) m_info.parameters.push_back(elementChoice("e2m3", "e3m2"));
    m_info.parameters.push_back(choiceParameter("exponent", "Shared exponent",
                                                "how absmax becomes a power of two",
                                                {{"floor", "Down (OCP, GGUF)", ""},
                                                 {"even", "To nearest (compressed-tensors)", ""},
                                                 {"ceil", "Up", ""}},
                                                "floor"));
}

double Microscaling::storedBytes(const Recipe&, int64_t rows, int64_t cols) const {
    const double bits = m_info.scheme.bits;
    return std::ceil(bits * static_cast<double>(rows * cols) / 8) +
           static_cast<double>(rows * runsIn(cols, kMxBlock));
}

Result<LayerResult> Microscaling::quantize(const LayerInput& input, const Recipe& recipe, const Job&) const {
    const MethodOptions options(m_info, recipe);
    const Minifloat element = m_element == Element::Fp4 ? kE2M1 : minifloatNamed(options.text("element"));
    const ExponentRule rule = exponentRule(options.text("exponent"));
    const MatrixView w = input.weight.matrix();
    auto values = forRuns(w, kMxBlock, [&](const float* from, int64_t count, float* to) {
        const int exponent = sharedExponent(absMax(from, count), element, rule);
        const float s = sharedScale(exponent);
        roundRun({from, static_cast<size_t>(count)}, element, {s, true}, s, to);
    });
    return valuesResult(input.weight.shape(), std::move(values), storedBytes(recipe, w.rows, w.cols));
}

CodesAnswer Microscaling::elementCodes(const Tensor& weight, const Recipe& recipe,
                                       const LayerResult& result) const {
    const MethodOptions options(m_info, recipe);
    const Minifloat element = m_element == Element::Fp4 ? kE2M1 : minifloatNamed(options.text("element"));
    const ExponentRule rule = exponentRule(options.text("exponent"));
    const MatrixView w = weight.matrix();
    const GroupLayout layout{w.rows, w.cols, 1, kMxBlock};
    const auto scales = groupScales(
        w, layout, [&](float absmax) { return sharedScale(sharedExponent(absmax, element, rule)); });
    return minifloatAnswer(result.values->matrix(), layout, scales, element, m_info.label);
}

}  // namespace quantscope
