// SPDX-License-Identifier: Apache-2.0
#include "methods/gguf_blocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "methods/interface/input_order.h"
#include "methods/interface/options.h"
#include "methods/parts/gguf_types.h"
#include "methods/parts/level_codes.h"
#include "quant/passes/to_float.h"

namespace quantscope {
namespace {

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
    const auto bytes = bytesNeeded(ggufTypeFor(m_dtype, cols), {rows, cols});
    return bytes ? static_cast<double>(*bytes) : 4.0 * static_cast<double>(rows * cols);
}

Result<LayerResult> GgufBlocks::quantize(const LayerInput& input, const Recipe& recipe,
                                         const Job& job) const {
    const int64_t cols = input.weight.cols();
    const DType dtype = ggufTypeFor(m_dtype, cols);
    auto encoded = encodeGgufBlocks(input, recipe, m_dtype, job);
    if (!encoded) return fail(encoded.error());
    auto values = toFloat32(*encoded, job);
    if (!values) return fail(values.error());
    LayerResult result;
    result.values = std::move(*values);
    result.bytes = encoded->bytes().size();
    result.blocks = std::move(*encoded);
    if (dtype != m_dtype)
        result.notes.push_back(fmt::format("{} inputs are no multiple of {}: {} instead", cols,
                                           infoOf(m_dtype).blockElements, infoOf(dtype).name));
    return result;
}

CodesAnswer GgufBlocks::elementCodes(const Tensor& weight, const Recipe& recipe,
                                     const LayerResult& result) const {
    std::optional<Tensor> blocks = result.blocks;
    if (!blocks && needs(recipe) == CalibrationNeed::None) {
        auto encoded = encodeGgufBlocks({{}, weight}, recipe, m_dtype, Job{});
        if (encoded) blocks = std::move(*encoded);
    }
    if (!blocks) return {nullptr, "the values of this layer were kept without their blocks"};
    return {std::make_shared<const StoredCodes>(blockCodes(*blocks, result.values->matrix())), {}};
}

}  // namespace quantscope
