// SPDX-License-Identifier: Apache-2.0
#include "methods/parts/gguf_types.h"

#include <array>
#include <utility>
#include <vector>

#include "methods/interface/options.h"
#include "quant/blocks/block_encoders_k.h"
#include "quant/blocks/block_formats.h"

namespace quantscope {
namespace {

/// Whether the scales are fitted instead of taken from a block's extremes: ggml fits those of Q5_0 and Q5_1
/// only with an importance matrix, those of Q8_0 never.
bool isFitted(DType dtype, bool weighted) {
    if (dtype == DType::Q5_0 || dtype == DType::Q5_1) return weighted;
    return dtype != DType::Q8_0;
}

}  // namespace

std::optional<DType> ggufTypeNamed(const std::string& method) {
    constexpr std::array<std::pair<const char*, DType>, 6> kTypes{{{"q6_k", DType::Q6_K},
                                                                   {"q5_k", DType::Q5_K},
                                                                   {"q4_k", DType::Q4_K},
                                                                   {"q3_k", DType::Q3_K},
                                                                   {"q2_k", DType::Q2_K},
                                                                   {"iq4_nl", DType::IQ4_NL}}};
    for (const auto& [name, type] : kTypes)
        if (name == method) return type;
    return std::nullopt;
}

DType ggufTypeFor(DType wanted, int64_t cols) {
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

Result<Tensor> encodeGgufBlocks(const LayerInput& input, const Recipe& recipe, DType wanted, const Job& job) {
    const DType dtype = ggufTypeFor(wanted, input.weight.cols());
    std::vector<float> importance;
    if (MethodOptions(recipe).toggle("imatrix"))
        for (const double square : input.calibration->meanSquare)
            importance.push_back(static_cast<float>(square));
    return isFitted(dtype, !importance.empty()) ? encodeSuperBlocks(input.weight, dtype, importance, job)
                                                : encodeBlocks(input.weight, dtype, job);
}

}  // namespace quantscope
