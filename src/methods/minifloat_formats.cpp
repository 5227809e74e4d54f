// SPDX-License-Identifier: Apache-2.0
#include "methods/minifloat_formats.h"

#include <algorithm>

#include "base/parallel_for.h"
#include "methods/interface/options.h"
#include "methods/parts/minifloat_codes.h"
#include "methods/parts/stored_values.h"
#include "quant/passes/codebook_runs.h"

namespace quantscope {
namespace {

constexpr int64_t kMxBlock = 32;
constexpr int64_t kNvBlock = 16;

/// body(values, count, results) for each run of `size` inputs of each row.
template <class Body>
FloatBuffer forRuns(const MatrixView& w, int64_t size, const Body& body) {
    FloatBuffer values = floatBuffer(w.size());
    parallelFor(w.rows, 16, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r)
            for (int64_t c = 0; c < w.cols; c += size)
                body(w.row(r) + c, std::min(size, w.cols - c), values.get() + r * w.cols + c);
    });
    return values;
}

int64_t runsIn(int64_t cols, int64_t size) {
    return (cols + size - 1) / size;
}

ParameterInfo elementChoice(std::string first, std::string second) {
    return choiceParameter("element", "Element", "the small float's fields",
                           {{first, first, ""}, {second, second, ""}}, first);
}

}  // namespace

const MethodInfo& Fp8::info() const {
    static const MethodInfo kInfo = [] {
        MethodInfo info;
        info.name = "fp8";
        info.label = "FP8";
        info.source = "Micikevicius et al. 2022 (arXiv:2209.05433)";
        info.help = "r = S cast(w / S) with S = absmax / 448 (E4M3) or / 57344 (E5M2); no integer grid";
        info.usesScheme = false;
        info.minimumBits = 8;
        info.parameters = {elementChoice("e4m3", "e5m2"),
                           choiceParameter("scale", "Scale", "what shares a scale",
                                           {{"tensor", "Tensor", ""},
                                            {"channel", "Output channel", ""},
                                            {"block", "128 x 128", "DeepSeek-V3"}},
                                           "channel")};
        return info;
    }();
    return kInfo;
}

double Fp8::storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const {
    const std::string& scale = MethodOptions(info(), recipe).text("scale");
    double scales = 1;
    if (scale == "channel") scales = static_cast<double>(rows);
    if (scale == "block") scales = static_cast<double>(runsIn(rows, 128) * runsIn(cols, 128));
    return static_cast<double>(rows * cols) + 4 * scales;
}

Result<LayerResult> Fp8::quantize(const LayerInput& input, const Recipe& recipe, const Job&) const {
    const MethodOptions options(info(), recipe);
    const Minifloat element = minifloatNamed(options.text("element"));
    const std::string& scale = options.text("scale");
    const MatrixView w = input.weight.matrix();
    const int64_t blockRows = scale == "tensor" ? w.rows : (scale == "channel" ? 1 : 128);
    const int64_t blockCols = scale == "block" ? 128 : w.cols;
    FloatBuffer values = floatBuffer(w.size());
    const int64_t bands = runsIn(w.rows, std::max<int64_t>(blockRows, 1));
    parallelFor(bands, 1, [&](int64_t begin, int64_t end) {
        for (int64_t band = begin; band < end; ++band)
            for (int64_t col = 0; col < w.cols; col += blockCols) {
                const int64_t first = band * blockRows;
                const int64_t last = std::min(w.rows, first + blockRows);
                const int64_t count = std::min(blockCols, w.cols - col);
                float largest = 0;
                for (int64_t r = first; r < last; ++r)
                    largest = std::max(largest, absMax(w.row(r) + col, count));
                const float s = fp8Scale(largest, element);
                for (int64_t r = first; r < last; ++r)
                    roundRun({w.row(r) + col, static_cast<size_t>(count)}, element, {s, true}, s,
                             values.get() + r * w.cols + col);
            }
    });
    return valuesResult(input.weight.shape(), std::move(values), storedBytes(recipe, w.rows, w.cols));
}

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

const MethodInfo& Nvfp4::info() const {
    static const MethodInfo kInfo = [] {
        MethodInfo info;
        info.name = "nvfp4";
        info.label = "NVFP4";
        info.source = "NVIDIA 2025; torchao nvfp4_tensor.py";
        info.help = "E2M1 elements, one E4M3 scale for 16 inputs, one F32 scale absmax / 2688 a tensor";
        info.usesScheme = false;
        info.minimumBits = 4.5;
        info.maximumBits = 4.5;
        info.scheme.bits = 4;
        return info;
    }();
    return kInfo;
}

double Nvfp4::storedBytes(const Recipe&, int64_t rows, int64_t cols) const {
    return std::ceil(static_cast<double>(rows * cols) / 2) +
           static_cast<double>(rows * runsIn(cols, kNvBlock)) + 4;
}

Result<LayerResult> Nvfp4::quantize(const LayerInput& input, const Recipe& recipe, const Job&) const {
    const MatrixView w = input.weight.matrix();
    const float tensorScale = nvfp4TensorScale(absMax(w));
    auto values = forRuns(w, kNvBlock, [&](const float* from, int64_t count, float* to) {
        const float s = nvfp4BlockScale(absMax(from, count), tensorScale);
        roundRun({from, static_cast<size_t>(count)}, kE2M1, {(1.0F / tensorScale) / s, false},
                 s * tensorScale, to);
    });
    return valuesResult(input.weight.shape(), std::move(values), storedBytes(recipe, w.rows, w.cols));
}

}  // namespace quantscope
