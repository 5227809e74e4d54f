// SPDX-License-Identifier: Apache-2.0
#include "io/gguf_types.h"

#include <algorithm>
#include <array>

namespace quantscope {
namespace {

constexpr GgmlType known(uint32_t id, std::string_view name, uint64_t elements, uint64_t bytes, DType dtype) {
    return {id, name, elements, bytes, dtype};
}
constexpr GgmlType listedOnly(uint32_t id, std::string_view name, uint64_t elements, uint64_t bytes) {
    return {id, name, elements, bytes, std::nullopt};
}

// Numbers and sizes: ggml.h (enum ggml_type) and ggml-common.h.
constexpr std::array kTypes = {
    known(0, "F32", 1, 4, DType::F32),
    known(1, "F16", 1, 2, DType::F16),
    known(2, "Q4_0", 32, 18, DType::Q4_0),
    known(3, "Q4_1", 32, 20, DType::Q4_1),
    known(6, "Q5_0", 32, 22, DType::Q5_0),
    known(7, "Q5_1", 32, 24, DType::Q5_1),
    known(8, "Q8_0", 32, 34, DType::Q8_0),
    listedOnly(9, "Q8_1", 32, 40),
    known(10, "Q2_K", 256, 84, DType::Q2_K),
    known(11, "Q3_K", 256, 110, DType::Q3_K),
    known(12, "Q4_K", 256, 144, DType::Q4_K),
    known(13, "Q5_K", 256, 176, DType::Q5_K),
    known(14, "Q6_K", 256, 210, DType::Q6_K),
    listedOnly(15, "Q8_K", 256, 292),
    listedOnly(16, "IQ2_XXS", 256, 66),
    listedOnly(17, "IQ2_XS", 256, 74),
    listedOnly(18, "IQ3_XXS", 256, 98),
    listedOnly(19, "IQ1_S", 256, 50),
    known(20, "IQ4_NL", 32, 18, DType::IQ4_NL),
    listedOnly(21, "IQ3_S", 256, 110),
    listedOnly(22, "IQ2_S", 256, 82),
    listedOnly(23, "IQ4_XS", 256, 136),
    known(24, "I8", 1, 1, DType::I8),
    known(25, "I16", 1, 2, DType::I16),
    known(26, "I32", 1, 4, DType::I32),
    known(27, "I64", 1, 8, DType::I64),
    known(28, "F64", 1, 8, DType::F64),
    listedOnly(29, "IQ1_M", 256, 56),
    known(30, "BF16", 1, 2, DType::BF16),
    listedOnly(34, "TQ1_0", 256, 54),
    listedOnly(35, "TQ2_0", 256, 66),
    known(39, "MXFP4", 32, 17, DType::MXFP4),
    listedOnly(40, "NVFP4", 64, 36),
};

}  // namespace

uint64_t ggufValueBytes(GgufValueType type) {
    switch (type) {
        case GgufValueType::U8:
        case GgufValueType::I8:
        case GgufValueType::Bool:
            return 1;
        case GgufValueType::U16:
        case GgufValueType::I16:
            return 2;
        case GgufValueType::U32:
        case GgufValueType::I32:
        case GgufValueType::F32:
            return 4;
        case GgufValueType::U64:
        case GgufValueType::I64:
        case GgufValueType::F64:
            return 8;
        case GgufValueType::String:
        case GgufValueType::Array:
            break;
    }
    return 0;
}

const GgmlType* ggmlType(uint32_t id) {
    const auto* it =
        std::find_if(kTypes.begin(), kTypes.end(), [&](const GgmlType& t) { return t.id == id; });
    return it == kTypes.end() ? nullptr : it;
}

const GgmlType* ggmlType(DType dtype) {
    const auto* it =
        std::find_if(kTypes.begin(), kTypes.end(), [&](const GgmlType& t) { return t.dtype == dtype; });
    return it == kTypes.end() ? nullptr : it;
}

}  // namespace quantscope
