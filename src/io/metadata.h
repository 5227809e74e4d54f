// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "io/checkpoint.h"

namespace quantscope {

/// Typed look-ups; nothing when the key is missing, has another type, or the value does not fit.
/// An integer key written as signed, unsigned, 32 or 64 bits reads the same way; a double also from integers.
std::optional<int64_t> metadataInt(const Metadata& metadata, std::string_view key);
std::optional<double> metadataDouble(const Metadata& metadata, std::string_view key);
std::optional<bool> metadataBool(const Metadata& metadata, std::string_view key);
std::optional<std::string> metadataString(const Metadata& metadata, std::string_view key);
/// Pointers into the metadata (vocabularies are large); null when missing or of another type.
const std::vector<std::string>* metadataStrings(const Metadata& metadata, std::string_view key);
const std::vector<int64_t>* metadataInts(const Metadata& metadata, std::string_view key);
const std::vector<double>* metadataDoubles(const Metadata& metadata, std::string_view key);

/// A value on one line for people; long strings are cut, arrays show their first `maxItems` and their length.
std::string metadataText(const MetadataValue& value, size_t maxItems = 4, size_t maxText = 120);

}  // namespace quantscope
