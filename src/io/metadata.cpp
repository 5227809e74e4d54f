// SPDX-License-Identifier: Apache-2.0
#include "io/metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "io/utf8.h"

namespace quantscope {
namespace {

template <class T>
const T* valueOf(const Metadata& metadata, std::string_view key) {
    const auto it = metadata.find(key);
    return it == metadata.end() ? nullptr : std::get_if<T>(&it->second);
}

template <class T>
std::optional<T> copyOf(const Metadata& metadata, std::string_view key) {
    const T* value = valueOf<T>(metadata, key);
    return value == nullptr ? std::nullopt : std::optional<T>(*value);
}

std::string itemText(int64_t value, size_t) {
    return fmt::format("{}", value);
}
std::string itemText(double value, size_t) {
    return fmt::format("{}", value);
}
std::string itemText(const std::string& value, size_t maxText) {
    return '"' + printable(value, maxText) + '"';
}

template <class T>
std::string arrayText(const std::vector<T>& items, size_t maxItems, size_t maxText) {
    std::string text = "[";
    const size_t shown = std::min(items.size(), maxItems);
    for (size_t i = 0; i < shown; ++i) {
        if (i > 0) text += ", ";
        text += itemText(items[i], maxText);
    }
    return text + (shown < items.size() ? fmt::format(", … {} items]", items.size()) : "]");
}

}  // namespace

std::optional<int64_t> metadataInt(const Metadata& metadata, std::string_view key) {
    if (const auto* value = valueOf<int64_t>(metadata, key)) return *value;
    const auto* value = valueOf<uint64_t>(metadata, key);
    if (value == nullptr || *value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
        return std::nullopt;
    return static_cast<int64_t>(*value);
}

std::optional<double> metadataDouble(const Metadata& metadata, std::string_view key) {
    if (const auto* value = valueOf<double>(metadata, key)) return *value;
    const auto integer = metadataInt(metadata, key);
    return integer ? std::optional(static_cast<double>(*integer)) : std::nullopt;
}

std::optional<bool> metadataBool(const Metadata& metadata, std::string_view key) {
    return copyOf<bool>(metadata, key);
}

std::optional<std::string> metadataString(const Metadata& metadata, std::string_view key) {
    return copyOf<std::string>(metadata, key);
}

const std::vector<std::string>* metadataStrings(const Metadata& metadata, std::string_view key) {
    return valueOf<std::vector<std::string>>(metadata, key);
}

const std::vector<int64_t>* metadataInts(const Metadata& metadata, std::string_view key) {
    return valueOf<std::vector<int64_t>>(metadata, key);
}

const std::vector<double>* metadataDoubles(const Metadata& metadata, std::string_view key) {
    return valueOf<std::vector<double>>(metadata, key);
}

std::string metadataText(const MetadataValue& value, size_t maxItems, size_t maxText) {
    struct Visitor {
        size_t maxItems;
        size_t maxText;
        std::string operator()(bool v) const { return v ? "true" : "false"; }
        std::string operator()(int64_t v) const { return fmt::format("{}", v); }
        std::string operator()(uint64_t v) const { return fmt::format("{}", v); }
        std::string operator()(double v) const { return fmt::format("{}", v); }
        std::string operator()(const std::string& v) const { return printable(v, maxText); }
        std::string operator()(const std::vector<int64_t>& v) const {
            return arrayText(v, maxItems, maxText);
        }
        std::string operator()(const std::vector<double>& v) const { return arrayText(v, maxItems, maxText); }
        std::string operator()(const std::vector<std::string>& v) const {
            return arrayText(v, maxItems, maxText);
        }
    };
    return std::visit(Visitor{maxItems, maxText}, value);
}

}  // namespace quantscope
