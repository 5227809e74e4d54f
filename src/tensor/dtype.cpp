// SPDX-License-Identifier: Apache-2.0
#include "tensor/dtype.h"

#include <algorithm>
#include <array>
#include <cassert>

namespace quantscope {
namespace {

// Block sizes: ggml's ggml-common.h (Q4_0 18 bytes for 32 values, K-quants 256 values a super-block).
constexpr std::array kInfos = {
    DTypeInfo{DType::F64, "F64", 1, 8, true},          DTypeInfo{DType::F32, "F32", 1, 4, true},
    DTypeInfo{DType::F16, "F16", 1, 2, true},          DTypeInfo{DType::BF16, "BF16", 1, 2, true},
    DTypeInfo{DType::F8E4M3, "F8_E4M3", 1, 1, true},   DTypeInfo{DType::F8E5M2, "F8_E5M2", 1, 1, true},
    DTypeInfo{DType::E8M0, "F8_E8M0", 1, 1, true},     DTypeInfo{DType::I64, "I64", 1, 8, false},
    DTypeInfo{DType::I32, "I32", 1, 4, false},         DTypeInfo{DType::I16, "I16", 1, 2, false},
    DTypeInfo{DType::I8, "I8", 1, 1, false},           DTypeInfo{DType::U64, "U64", 1, 8, false},
    DTypeInfo{DType::U32, "U32", 1, 4, false},         DTypeInfo{DType::U16, "U16", 1, 2, false},
    DTypeInfo{DType::U8, "U8", 1, 1, false},           DTypeInfo{DType::Bool, "BOOL", 1, 1, false},
    DTypeInfo{DType::Q4_0, "Q4_0", 32, 18, false},     DTypeInfo{DType::Q4_1, "Q4_1", 32, 20, false},
    DTypeInfo{DType::Q5_0, "Q5_0", 32, 22, false},     DTypeInfo{DType::Q5_1, "Q5_1", 32, 24, false},
    DTypeInfo{DType::Q8_0, "Q8_0", 32, 34, false},     DTypeInfo{DType::Q2_K, "Q2_K", 256, 84, false},
    DTypeInfo{DType::Q3_K, "Q3_K", 256, 110, false},   DTypeInfo{DType::Q4_K, "Q4_K", 256, 144, false},
    DTypeInfo{DType::Q5_K, "Q5_K", 256, 176, false},   DTypeInfo{DType::Q6_K, "Q6_K", 256, 210, false},
    DTypeInfo{DType::IQ4_NL, "IQ4_NL", 32, 18, false}, DTypeInfo{DType::MXFP4, "MXFP4", 32, 17, false},
};

}  // namespace

std::span<const DTypeInfo> allDTypes() {
    return kInfos;
}

const DTypeInfo& infoOf(DType dtype) {
    const auto& info = kInfos.at(static_cast<size_t>(dtype));
    assert(info.dtype == dtype);
    return info;
}

std::optional<DType> dtypeNamed(std::string_view name) {
    const auto it =
        std::find_if(kInfos.begin(), kInfos.end(), [&](const DTypeInfo& i) { return i.name == name; });
    if (it == kInfos.end()) return std::nullopt;
    return it->dtype;
}

}  // namespace quantscope
