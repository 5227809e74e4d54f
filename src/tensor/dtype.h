// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace quantscope {

/// How the elements of a tensor are stored. Element types first, then GGUF's block types, whose meaning
/// (layout and decoding) is in quant/block_formats; here they only have a size.
enum class DType : uint8_t {
    F64,
    F32,
    F16,
    BF16,
    F8E4M3,
    F8E5M2,
    E8M0,
    I64,
    I32,
    I16,
    I8,
    U64,
    U32,
    U16,
    U8,
    Bool,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2_K,
    Q3_K,
    Q4_K,
    Q5_K,
    Q6_K,
    IQ4_NL,
    MXFP4
};

/// Size and name of a dtype; a block of `blockElements` consecutive elements takes `blockBytes`.
struct DTypeInfo {
    DType dtype;
    std::string_view name;  ///< as users see it: "F16", "Q4_K"
    int blockElements;
    int blockBytes;
    bool isFloat;  ///< element type with a sign, exponent and mantissa (E8M0: exponent only)

    [[nodiscard]] constexpr double bitsPerElement() const { return 8.0 * blockBytes / blockElements; }
    [[nodiscard]] constexpr bool isBlock() const { return blockElements > 1; }
};

/// All dtypes, in the enum's order.
std::span<const DTypeInfo> allDTypes();
const DTypeInfo& infoOf(DType dtype);
/// By the name in DTypeInfo; exact match.
std::optional<DType> dtypeNamed(std::string_view name);

}  // namespace quantscope
