// SPDX-License-Identifier: Apache-2.0
#include "quant/formats/number_format.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "quant/formats/grid.h"
#include "quant/passes/reference.h"

namespace quantscope {
namespace {

std::vector<double> integerLevels(const GroupParams& params, const Scheme& scheme) {
    const int32_t first = codeMin(scheme);
    const int32_t last = codeMax(scheme);
    const GroupParams stored = storedParams(params, scheme);
    std::vector<double> levels;
    levels.reserve(static_cast<size_t>(last - first) + 1);
    for (int32_t code = first; code <= last; ++code)
        levels.push_back(dequantizeValue(code, stored, scheme.zeroPointDomain));
    if (stored.scale < 0) std::reverse(levels.begin(), levels.end());
    return levels;
}

std::vector<double> noLevels(const GroupParams&, const Scheme&) {
    return {};
}

}  // namespace

std::span<const NumberFormat> numberFormats() {
    static const std::array kFormats{
        NumberFormat{"float", "Float (reference)", "The unquantized float32 value.", {32}, noLevels},
        NumberFormat{
            "int",
            "Integer",
            "2^b equally spaced levels: r = S (q - Z). Signed codes are written int4, unsigned uint4.",
            {2, 3, 4, 5, 6, 7, 8, 16},
            integerLevels}};
    return kFormats;
}

const NumberFormat* findNumberFormat(std::string_view name) {
    for (const NumberFormat& format : numberFormats())
        if (format.name == name) return &format;
    return nullptr;
}

std::optional<FormatPart> parseFormatPart(std::string_view text) {
    if (text == "float") return FormatPart{"float", 32, true};
    FormatPart part{"int", 0, true};
    if (text.starts_with('u')) {
        part.isSigned = false;
        text.remove_prefix(1);
    }
    if (!text.starts_with("int")) return std::nullopt;
    text.remove_prefix(3);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), part.bits);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return part;
}

std::string formatPart(const Scheme& scheme) {
    if (scheme.format != "int") return scheme.format;
    return fmt::format("{}int{}", scheme.isSigned ? "" : "u", scheme.bits);
}

std::string acceptedFormats() {
    return "float, int2..int8, int16, uint2..uint8, uint16, preset=NAME";
}

std::vector<double> gridLevels(const GroupParams& params, const Scheme& scheme) {
    const NumberFormat* format = findNumberFormat(scheme.format);
    return format == nullptr ? std::vector<double>{} : format->levels(params, scheme);
}

}  // namespace quantscope
