// SPDX-License-Identifier: Apache-2.0
#include "methods/gguf_blocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "methods/interface/options.h"
#include "quant/blocks/block_encoders_k.h"
#include "quant/blocks/block_formats.h"
#include "quant/passes/to_float.h"

namespace quantscope {
namespace {

/// The type llama-quantize takes for a matrix of this width.
DType fallbackFor(DType wanted, int64_t cols) {
    if (cols % infoOf(wanted).blockElements == 0) return wanted;
    switch (wanted) {
        case DType::Q2_K:
        case DType::Q3_K:
            return DType::IQ4_NL;
        case DType::Q4_K:
            return DType::Q5_0;
        case DType::Q5_K:
            return DType::Q5_1;
        case DType::Q6_K:
            return DType::Q8_0;
        default:
            return wanted;
    }
}

/// Whether scales are fitted, not taken from a block's extremes: in ggml five bits are by importance alone,
/// eight never.
bool isFitted(DType dtype, bool weighted) {
    if (dtype == DType::Q5_0 || dtype == DType::Q5_1) return weighted;
    return dtype != DType::Q8_0;
}

std::string lowered(std::string_view name) {
    std::string text(name);
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

}  // namespace

GgufBlocks::GgufBlocks(DType dtype) : m_dtype(dtype) {
    const DTypeInfo& type = infoOf(dtype);
    m_info.name = lowered(type.name);
    m_info.label = "GGUF " + std::string(type.name);
    m_info.source = "llama.cpp, ggml-quants.c";
    m_info.help =
        dtype == DType::IQ4_NL
            ? "blocks of 32: r = d L[q] with 16 uneven levels L and the d of least weighted error"
            : "super-blocks of 256: runs of 16 or 32 with small integer scales (and minima) under one "
              "F16 factor, each fitted to the least weighted squared error";
    m_info.kind = MethodKind::Heuristic;
    m_info.needs = CalibrationNeed::MeanSquares;
    m_info.usesScheme = false;
    m_info.scheme.bits = static_cast<int>(type.bitsPerElement());
    m_info.minimumBits = m_info.maximumBits = type.bitsPerElement();
    m_info.parameters = {
        toggleParameter("imatrix", "Importance matrix", "errors count by the mean square of their input"),
        inputsParameter()};
}

CalibrationNeed GgufBlocks::needs(const Recipe& recipe) const {
    return MethodOptions(m_info, recipe).toggle("imatrix") ? CalibrationNeed::MeanSquares
                                                           : CalibrationNeed::None;
}

double GgufBlocks::storedBytes(const Recipe&, int64_t rows, int64_t cols) const {
    const auto bytes = bytesNeeded(typeFor(cols), {rows, cols});
    return bytes ? static_cast<double>(*bytes) : 4.0 * static_cast<double>(rows * cols);
}

DType GgufBlocks::typeFor(int64_t cols) const {
    return fallbackFor(m_dtype, cols);
}

Result<Tensor> GgufBlocks::encode(const LayerInput& input, const Recipe& recipe, const Job& job) const {
    const DType dtype = typeFor(input.weight.cols());
    std::vector<float> importance;
    if (MethodOptions(m_info, recipe).toggle("imatrix"))
        for (const double square : input.calibration->meanSquare)
            importance.push_back(static_cast<float>(square));
    return isFitted(dtype, !importance.empty()) ? encodeSuperBlocks(input.weight, dtype, importance, job)
                                                : encodeBlocks(input.weight, dtype, job);
}

Result<LayerResult> GgufBlocks::quantize(const LayerInput& input, const Recipe& recipe,
                                         const Job& job) const {
    const int64_t cols = input.weight.cols();
    const DType dtype = typeFor(cols);
    auto encoded = encode(input, recipe, job);
    if (!encoded) return fail(encoded.error());
    auto values = toFloat32(*encoded, job);
    if (!values) return fail(values.error());
    LayerResult result;
    result.values = std::move(*values);
    result.bytes = encoded->bytes().size();
    if (dtype != m_dtype)
        result.notes.push_back(fmt::format("{} inputs are no multiple of {}: {} instead", cols,
                                           infoOf(m_dtype).blockElements, infoOf(dtype).name));
    return result;
}

}  // namespace quantscope
