// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quant/passes/quantize_params.h"
#include "quant/scheme/scheme.h"

namespace quantscope {

/// One line of the number format table: what Scheme::format may name. A new format (a minifloat, a codebook)
/// is one entry with its own levels.
struct NumberFormat {
    std::string name;   ///< Scheme::format: "int"
    std::string label;  ///< as on screen: "Integer"
    std::string help;
    std::vector<int> bitChoices;  ///< what Scheme::bits may be
    /// Values of all codes of a group in increasing order; empty for a format without a grid.
    std::vector<double> (*levels)(const GroupParams& params, const Scheme& scheme);
};

/// All formats, in the order they are offered.
std::span<const NumberFormat> numberFormats();
/// Null if there is no such format.
const NumberFormat* findNumberFormat(std::string_view name);

/// The first part of a text form: "float", "int4", "uint8". Nullopt if it names no format.
struct FormatPart {
    std::string format;
    int bits = 8;
    bool isSigned = true;
};
std::optional<FormatPart> parseFormatPart(std::string_view text);
std::string formatPart(const Scheme& scheme);
/// "float, int2..int8, int16, uint2..uint8, uint16", for error messages.
std::string acceptedFormats();

}  // namespace quantscope
