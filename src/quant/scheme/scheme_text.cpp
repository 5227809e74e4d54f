// SPDX-License-Identifier: Apache-2.0
// The text form of a scheme: parts separated by '/', defaults left out. The tables below are the grammar.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "quant/estimators/range_estimator.h"
#include "quant/formats/number_format.h"
#include "quant/scheme/scheme.h"
#include "quant/scheme/scheme_names.h"
#include "quant/scheme/text_numbers.h"

namespace quantscope {
namespace {

/// A part that sets a boolean: `on` for true, `off` for false.
struct FlagPart {
    std::string_view on;
    std::string_view off;
    bool Scheme::*field;
};

constexpr std::array kFlags{FlagPart{"with-zero", "no-zero", &Scheme::rangeIncludesZero},
                            FlagPart{"zero-inside", "zero-outside", &Scheme::zeroPointInside},
                            FlagPart{"inverse", "divide", &Scheme::multiplyByInverse},
                            FlagPart{"encode-unrounded", "encode-rounded", &Scheme::encodeUnrounded}};

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (size_t begin = 0;;) {
        const size_t end = text.find(separator, begin);
        parts.push_back(text.substr(begin, end - begin));
        if (end == std::string_view::npos) return parts;
        begin = end + 1;
    }
}

template <class E>
bool applyName(std::span<const ChoiceName<E>> names, std::string_view part, E& field) {
    const std::optional<E> value = valueNamed(names, part);
    if (value) field = *value;
    return value.has_value();
}

/// Parts without '='.
bool applyWord(Scheme& s, std::string_view part) {
    for (const FlagPart& flag : kFlags) {
        if (part != flag.on && part != flag.off) continue;
        s.*flag.field = part == flag.on;
        return true;
    }
    for (const RangeEstimatorInfo& info : rangeEstimators()) {
        if (part != info.name) continue;
        s.estimator = info.estimator;
        return true;
    }
    return applyName(mappingNames(), part, s.mapping) ||
           applyName(symmetricRangeNames(), part, s.symmetricRange) ||
           applyName(zeroPointDomainNames(), part, s.zeroPointDomain) ||
           applyName(roundingNames(), part, s.rounding) ||
           applyName(granularityNames(), part, s.granularity) ||
           applyName(scaleFormatNames(), part, s.scaleFormat);
}

/// A part "key=value".
struct ValuePart {
    std::string_view key;
    bool (*apply)(Scheme& scheme, std::string_view value);
};

constexpr std::array kValues{
    ValuePart{"group",
              [](Scheme& s, std::string_view v) {
                  s.granularity = Granularity::Group;
                  return readNumber(v, s.groupSize);
              }},
    ValuePart{"block",
              [](Scheme& s, std::string_view v) {
                  s.granularity = Granularity::Block;
                  return readPair(v, 'x', s.blockRows, s.blockCols);
              }},
    ValuePart{"stochastic",
              [](Scheme& s, std::string_view v) {
                  s.rounding = Rounding::Stochastic;
                  return readNumber(v, s.seed);
              }},
    // The same values while another choice is active, so that a session remembers them.
    ValuePart{"group-size", [](Scheme& s, std::string_view v) { return readNumber(v, s.groupSize); }},
    ValuePart{"block-size",
              [](Scheme& s, std::string_view v) { return readPair(v, 'x', s.blockRows, s.blockCols); }},
    ValuePart{"seed", [](Scheme& s, std::string_view v) { return readNumber(v, s.seed); }},
};

template <class E>
void appendNames(std::string& list, std::span<const ChoiceName<E>> names) {
    for (const ChoiceName<E>& name : names) list += fmt::format(", {}", name.name);
}

std::string acceptedParts() {
    std::string list = "symmetric, affine";
    appendNames(list, symmetricRangeNames());
    appendNames(list, zeroPointDomainNames());
    for (const RangeEstimatorInfo& info : rangeEstimators())
        list += ", " + info.name + (info.value.form.empty() ? "" : "=" + info.value.form);
    appendNames(list, roundingNames());
    list += ", stochastic=SEED, tensor, channel, input-channel, group=SIZE, block=ROWSxCOLS, token";
    appendNames(list, scaleFormatNames());
    for (const FlagPart& flag : kFlags) list += fmt::format(", {}, {}", flag.on, flag.off);
    return list;
}

/// "group=64, percentile=0.1,99.9, ...": each kind of value once.
std::string acceptedValues() {
    std::string list = "group=64, block=128x128";
    for (const RangeEstimatorInfo& info : rangeEstimators())
        if (!info.value.form.empty()) list += fmt::format(", {}={}", info.name, info.value.example);
    return list + ", stochastic=7";
}

/// A part "key=value": false if the value is none of this key; nothing if there is no such key.
std::optional<bool> applyValue(Scheme& scheme, std::string_view key, std::string_view text) {
    for (const ValuePart& value : kValues)
        if (value.key == key) return value.apply(scheme, text);
    for (const RangeEstimatorInfo& info : rangeEstimators()) {
        if (info.value.form.empty() || (key != info.name && key != info.value.keepKey)) continue;
        if (key == info.name) scheme.estimator = info.estimator;
        return info.value.set(scheme, text);
    }
    return std::nullopt;
}

Status applyPart(Scheme& scheme, std::string_view part) {
    const size_t equals = part.find('=');
    if (equals == std::string_view::npos) {
        if (applyWord(scheme, part)) return {};
    } else if (const auto applied = applyValue(scheme, part.substr(0, equals), part.substr(equals + 1))) {
        if (*applied) return {};
        return fail(ErrorKind::InvalidArgument, fmt::format("'{}' has no usable value", part), "scheme",
                    "accepted: " + acceptedValues());
    }
    return fail(ErrorKind::InvalidArgument, fmt::format("'{}' is no part of a scheme", part), "scheme",
                "accepted: " + acceptedParts());
}

/// `base` with the format of `part`, or a preset.
Result<Scheme> startOf(std::string_view part, const Scheme& base) {
    if (part.starts_with("preset=")) {
        std::string names;
        for (const SchemePreset& preset : schemePresets()) {
            if (preset.name == part.substr(7)) return preset.scheme;
            names += names.empty() ? preset.name : ", " + preset.name;
        }
        return fail(ErrorKind::InvalidArgument, fmt::format("there is no preset '{}'", part.substr(7)),
                    "scheme", "accepted: " + names);
    }
    const std::optional<FormatPart> format = parseFormatPart(part);
    if (!format) {
        return fail(ErrorKind::InvalidArgument, fmt::format("'{}' is no number format", part), "scheme",
                    "accepted: " + acceptedFormats());
    }
    Scheme scheme = base;
    scheme.format = format->format;
    scheme.bits = format->bits;
    scheme.isSigned = format->isSigned;
    return scheme;
}

/// The parts of one choice with a value: `active` as "name=value", otherwise "keep=value" if not default.
void appendValue(std::string& text, bool active, std::string_view name, std::string_view keep,
                 const std::string& value, const std::string& defaultValue) {
    if (active) {
        text += fmt::format("/{}={}", name, value);
    } else if (value != defaultValue) {
        text += fmt::format("/{}={}", keep, value);
    }
}

template <class E>
void appendChoice(std::string& text, std::span<const ChoiceName<E>> names, E value, E defaultValue) {
    if (value != defaultValue) text += fmt::format("/{}", choiceOf(names, value).name);
}

/// The active estimator, and the values of the others where they are not those of `d`.
void appendRange(std::string& text, const Scheme& s, const Scheme& d) {
    const RangeEstimatorInfo& active = infoOf(s.estimator);
    if (active.value.form.empty() && s.estimator != d.estimator) text += "/" + active.name;
    for (const RangeEstimatorInfo& info : rangeEstimators()) {
        if (info.value.form.empty()) continue;
        appendValue(text, info.estimator == s.estimator, info.name, info.value.keepKey, info.value.text(s),
                    info.value.text(d));
    }
}

void appendGranularity(std::string& text, const Scheme& s, const Scheme& d) {
    const bool group = s.granularity == Granularity::Group;
    const bool block = s.granularity == Granularity::Block;
    if (!group && !block) appendChoice(text, granularityNames(), s.granularity, d.granularity);
    appendValue(text, group, "group", "group-size", fmt::format("{}", s.groupSize),
                fmt::format("{}", d.groupSize));
    appendValue(text, block, "block", "block-size", fmt::format("{}x{}", s.blockRows, s.blockCols),
                fmt::format("{}x{}", d.blockRows, d.blockCols));
}

/// The format and all parts that differ from those of `d`.
std::string explicitText(const Scheme& s, const Scheme& d) {
    std::string text = formatPart(s);
    appendChoice(text, mappingNames(), s.mapping, d.mapping);
    appendChoice(text, symmetricRangeNames(), s.symmetricRange, d.symmetricRange);
    appendChoice(text, zeroPointDomainNames(), s.zeroPointDomain, d.zeroPointDomain);
    appendGranularity(text, s, d);
    appendRange(text, s, d);
    const bool stochastic = s.rounding == Rounding::Stochastic;
    if (!stochastic) appendChoice(text, roundingNames(), s.rounding, d.rounding);
    appendValue(text, stochastic, "stochastic", "seed", fmt::format("{}", s.seed), fmt::format("{}", d.seed));
    appendChoice(text, scaleFormatNames(), s.scaleFormat, d.scaleFormat);
    for (const FlagPart& flag : kFlags)
        if (s.*flag.field != d.*flag.field) text += fmt::format("/{}", s.*flag.field ? flag.on : flag.off);
    return text;
}

}  // namespace

std::string schemeText(const Scheme& scheme) {
    // A preset of many parts (the GGUF blocks) is better known by its name.
    constexpr int kLongText = 5;
    std::string text = explicitText(scheme, Scheme{});
    if (std::count(text.begin(), text.end(), '/') < kLongText) return text;
    for (const SchemePreset& preset : schemePresets())
        if (preset.scheme == scheme) return "preset=" + preset.name;
    return text;
}

std::string schemeText(const Scheme& scheme, const Scheme& base) {
    return explicitText(scheme, base);
}

Result<Scheme> parseScheme(std::string_view text) {
    const auto parts = split(text, '/');
    if (const auto start = startOf(parts.front(), Scheme{}); !start) return fail(start.error());
    return parseScheme(text, Scheme{});
}

Result<Scheme> parseScheme(std::string_view text, const Scheme& base) {
    const auto parts = split(text, '/');
    Scheme scheme = base;
    size_t first = 0;
    if (const auto start = startOf(parts.front(), base)) {
        scheme = *start;
        first = 1;
    } else if (text.empty()) {
        first = parts.size();
    }
    for (size_t i = first; i < parts.size(); ++i) {
        if (const Status applied = applyPart(scheme, parts[i]); !applied) return fail(applied.error());
    }
    if (const Status valid = validate(scheme); !valid) return fail(valid.error());
    return scheme;
}

}  // namespace quantscope
