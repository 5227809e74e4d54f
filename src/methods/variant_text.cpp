// SPDX-License-Identifier: Apache-2.0
#include "methods/variant_text.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "methods/method.h"

namespace quantscope {
namespace {

constexpr std::string_view kNameSpecial = "@;";
constexpr std::string_view kPatternSpecial = "@;=";
constexpr std::string_view kParameterSpecial = "@;=,():";

bool isReserved(std::string_view key) {
    return key == "act" || key == "act-static" || key == "outliers" || key == "name";
}

std::string patternText(const std::string& pattern) {
    std::string text = escaped(pattern, kPatternSpecial);
    // A pattern that reads like a keyword stays a pattern.
    return isReserved(text) ? "\\" + text : text;
}

Status parseParameters(std::string_view text, Recipe& recipe) {
    for (const std::string_view part : splitUnescaped(text, ",")) {
        const auto pair = splitUnescaped(part, "=");
        if (pair.size() != 2) {
            return fail(ErrorKind::InvalidArgument, fmt::format("'{}' is no method parameter", part),
                        "method", "write method(key=value,key=value):scheme");
        }
        recipe.parameters[unescaped(trimmed(pair[0]))] = unescaped(trimmed(pair[1]));
    }
    return {};
}

Status parseThreshold(std::string_view text, Variant& variant) {
    if (!variant.activations) {
        return fail(ErrorKind::InvalidArgument, "@outliers without activations that are quantized",
                    "@outliers", "write @act=SCHEME before it");
    }
    double& threshold = variant.activations->outlierThreshold;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), threshold);
    if (error == std::errc{} && end == text.data() + text.size() && std::isfinite(threshold) && threshold > 0)
        return {};
    return fail(ErrorKind::InvalidArgument, fmt::format("'{}' is no threshold", text), "@outliers",
                "write a magnitude above 0, such as @outliers=6");
}

/// One part after the first, without its '@'.
Status applyPart(Variant& variant, std::string_view part) {
    const auto pair = splitUnescaped(part, "=");
    const std::string_view key = trimmed(pair.front());
    if (pair.size() < 2 || key.empty()) {
        return fail(
            ErrorKind::InvalidArgument, fmt::format("'@{}' is no part of a variant", part), "variant",
            "accepted: @act=SCHEME, @act-static=SCHEME, @outliers=THRESHOLD, @name=TEXT, @PATTERN=SCHEME");
    }
    const std::string_view value = part.substr(pair.front().size() + 1);
    if (key == "name") {
        variant.name = unescaped(trimmed(value));
        return {};
    }
    if (key == "act" || key == "act-static") {
        const Result<Scheme> scheme = parseScheme(trimmed(value));
        if (!scheme) return fail(scheme.error());
        variant.activations = ActivationRecipe{*scheme, key == "act-static"};
        return {};
    }
    if (key == "outliers") return parseThreshold(trimmed(value), variant);
    const Result<Recipe> recipe = parseRecipe(value);
    if (!recipe) return fail(recipe.error());
    variant.overrides.push_back({unescaped(key), *recipe});
    return {};
}

}  // namespace

std::string escaped(std::string_view text, std::string_view special) {
    std::string result;
    for (size_t i = 0; i < text.size(); ++i) {
        const bool endSpace = text[i] == ' ' && (i == 0 || i + 1 == text.size());
        if (text[i] == '\\' || endSpace || special.find(text[i]) != std::string_view::npos) result += '\\';
        result += text[i];
    }
    return result;
}

std::string unescaped(std::string_view text) {
    std::string result;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) ++i;
        result += text[i];
    }
    return result;
}

std::vector<std::string_view> splitUnescaped(std::string_view text, std::string_view separator) {
    std::vector<std::string_view> parts;
    size_t begin = 0;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\') {
            ++i;
        } else if (text.substr(i).starts_with(separator)) {
            parts.push_back(text.substr(begin, i - begin));
            i += separator.size() - 1;
            begin = i + 1;
        }
    }
    parts.push_back(text.substr(std::min(begin, text.size())));
    return parts;
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r\n";
    while (!text.empty() && kSpace.find(text.front()) != std::string_view::npos) text.remove_prefix(1);
    while (!text.empty() && kSpace.find(text.back()) != std::string_view::npos) {
        // An odd number of backslashes before it makes the space part of the text.
        const size_t before = text.substr(0, text.size() - 1).find_last_not_of('\\');
        const size_t slashes = text.size() - 2 - before;  // npos + 1 == 0: nothing but backslashes
        if (slashes % 2 == 1) break;
        text.remove_suffix(1);
    }
    return text;
}

std::string recipeText(const Recipe& recipe) {
    const std::string scheme = schemeText(recipe.scheme);
    if (recipe.method == "rtn" && recipe.parameters.empty()) return scheme;
    std::string parameters;
    for (const auto& [key, value] : recipe.parameters) {
        parameters += fmt::format("{}{}={}", parameters.empty() ? "" : ",", escaped(key, kParameterSpecial),
                                  escaped(value, kParameterSpecial));
    }
    if (!parameters.empty()) parameters = "(" + parameters + ")";
    return fmt::format("{}{}:{}", recipe.method, parameters, scheme);
}

Result<Recipe> parseRecipe(std::string_view text) {
    Recipe recipe;
    const auto parts = splitUnescaped(trimmed(text), ":");
    if (parts.size() > 2) {
        return fail(ErrorKind::InvalidArgument, fmt::format("'{}' has more than one ':'", text), "variant",
                    "write SCHEME or METHOD:SCHEME");
    }
    if (parts.size() == 2) {
        std::string_view method = trimmed(parts[0]);
        const size_t open = method.find('(');
        if (open != std::string_view::npos) {
            if (!method.ends_with(')')) {
                return fail(ErrorKind::InvalidArgument, fmt::format("'{}' lacks its ')'", method), "method",
                            "write method(key=value):scheme");
            }
            const Status parsed = parseParameters(method.substr(open + 1, method.size() - open - 2), recipe);
            if (!parsed) return fail(parsed.error());
            method = method.substr(0, open);
        }
        if (const auto known = methodNamed(method); !known) return fail(known.error());
        recipe.method = std::string(method);
    }
    const Result<Scheme> scheme = parseScheme(trimmed(parts.back()));
    if (!scheme) return fail(scheme.error());
    recipe.scheme = *scheme;
    return recipe;
}

std::string variantText(const Variant& variant) {
    std::string text = recipeText(variant.weights);
    if (variant.activations) {
        text += fmt::format(" @{}={}", variant.activations->isStatic ? "act-static" : "act",
                            schemeText(variant.activations->scheme));
        if (variant.activations->outlierThreshold > 0)
            text += fmt::format(" @outliers={}", variant.activations->outlierThreshold);
    }
    for (const LayerOverride& layer : variant.overrides)
        text += fmt::format(" @{}={}", patternText(layer.pattern), recipeText(layer.recipe));
    if (!variant.name.empty()) text += fmt::format(" @name={}", escaped(variant.name, kNameSpecial));
    return text;
}

Result<Variant> parseVariant(std::string_view text) {
    const auto parts = splitUnescaped(text, "@");
    Variant variant;
    const Result<Recipe> recipe = parseRecipe(parts.front());
    if (!recipe) return fail(recipe.error());
    variant.weights = *recipe;
    for (size_t i = 1; i < parts.size(); ++i) {
        if (const Status applied = applyPart(variant, parts[i]); !applied) return fail(applied.error());
    }
    return variant;
}

Result<std::vector<Variant>> parseVariants(std::string_view text) {
    std::vector<Variant> variants;
    for (const std::string_view part : splitUnescaped(text, ";")) {
        // A ';' at the end is no empty variant.
        if (trimmed(part).empty()) continue;
        Result<Variant> variant = parseVariant(part);
        if (!variant) return fail(variant.error());
        variants.push_back(std::move(*variant));
    }
    if (variants.empty())
        return fail(ErrorKind::InvalidArgument, "no variant given", "variants",
                    "write for example \"float; int8; int4/affine/group=64\"");
    return variants;
}

}  // namespace quantscope
