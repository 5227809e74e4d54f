// SPDX-License-Identifier: Apache-2.0
#include "methods/interface/variant_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>

#include "methods/interface/execution_text.h"
#include "methods/interface/method.h"
#include "methods/interface/options.h"
#include "methods/registry.h"
#include "quant/formats/number_format.h"

namespace quantscope {
namespace {

constexpr std::string_view kNameSpecial = "@;";
constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kPatternSpecial = "@;=";
constexpr std::string_view kIntegerPart = "integer";
constexpr std::string_view kParameterSpecial = "@;=/";

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

/// "method:scheme" and "method(key=value):scheme" of older sessions.
Result<Recipe> parseColonForm(std::string_view text) {
    Recipe recipe;
    const auto parts = splitUnescaped(text, ":");
    if (parts.size() > 2) {
        return fail(ErrorKind::InvalidArgument, fmt::format("'{}' has more than one ':'", text), "variant",
                    "write SCHEME or METHOD/SCHEME");
    }
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
    const auto known = methodNamed(method);
    if (!known) return fail(known.error());
    recipe.method = std::string(method);
    if (const Status valid = checkParameters((*known)->info(), recipe); !valid) return fail(valid.error());
    const Result<Scheme> scheme = parseScheme(trimmed(parts.back()));
    if (!scheme) return fail(scheme.error());
    recipe.scheme = *scheme;
    return recipe;
}

/// Whether a part says the scheme's format.
bool saysFormat(std::string_view part) {
    return parseFormatPart(part) || part.starts_with("preset=");
}

/// For a text that starts with neither a format nor a method.
Error withMethods(Error error) {
    error.fix += "; or a method:";
    for (const Method* method : allMethods()) error.fix += " " + method->info().name;
    return error;
}

/// A part that is neither the scheme's nor the method's.
Error withOptions(Error error, const MethodInfo& info) {
    if (info.parameters.empty()) return error;
    error.fix += fmt::format("; options of {}:", info.name);
    for (const ParameterInfo& parameter : info.parameters) error.fix += " " + parameter.key;
    return error;
}

/// The method whose activations belong to it, or null.
const MethodInfo* withActivations(const Recipe& recipe) {
    const auto method = methodNamed(recipe.method);
    return method && (*method)->info().quantizesActivations() ? &(*method)->info() : nullptr;
}

ActivationRecipe activationsOf(const MethodInfo& info, int bits) {
    ActivationRecipe recipe = *info.activations;
    if (bits > 0) recipe.scheme.bits = bits;
    return recipe;
}

/// The variant's first part: a recipe, in which a method that quantizes activations may say "w8a8".
Status applyFirstPart(Variant& variant, std::string_view text) {
    auto form = parseExecutionForm(text);
    if (!form) return fail(form.error());
    if (*form) {
        variant.weights = std::move((*form)->recipe);
        variant.activations = std::move((*form)->activations);
        return {};
    }
    const auto parts = splitUnescaped(trimmed(text), "/");
    std::string recipeParts;
    WidthPair widths;
    for (const std::string_view part : parts) {
        const auto found = methodNamed(trimmed(parts.front())) ? widthsOf(trimmed(part)) : std::nullopt;
        if (found) widths = *found;
        const std::string own = found ? fmt::format("int{}", found->weights) : std::string(part);
        recipeParts += (recipeParts.empty() ? "" : "/") + own;
    }
    const Result<Recipe> recipe = parseRecipe(recipeParts);
    if (!recipe) return fail(recipe.error());
    variant.weights = *recipe;
    if (const MethodInfo* info = withActivations(*recipe)) {
        variant.activations = activationsOf(*info, widths.activations);
        if (Status valid = validate(variant.activations->scheme); !valid) return valid;
    } else if (widths.activations > 0) {
        return fail(ErrorKind::InvalidArgument,
                    fmt::format("{} does not quantize activations", recipe->method), "variant",
                    "write the weights' format alone, and @act=int8/token for the activations");
    }
    return {};
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
        // Of a method that quantizes activations by itself, "float" takes them away.
        if (scheme->isFloat() && withActivations(variant.weights) != nullptr) variant.activations.reset();
        return {};
    }
    if (key == "outliers") return parseThreshold(trimmed(value), variant);
    auto form = parseExecutionForm(value);
    if (!form) return fail(form.error());
    if (*form) {
        variant.overrides.push_back(
            {unescaped(key), std::move((*form)->recipe), std::move((*form)->activations), true});
        return {};
    }
    const Result<Recipe> recipe = parseRecipe(value);
    if (!recipe) return fail(recipe.error());
    variant.overrides.push_back({unescaped(key), *recipe});
    return {};
}

}  // namespace

std::string escaped(std::string_view text, std::string_view special) {
    std::string result;
    for (size_t i = 0; i < text.size(); ++i) {
        const bool endSpace =
            kSpace.find(text[i]) != std::string_view::npos && (i == 0 || i + 1 == text.size());
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
    const auto method = methodNamed(recipe.method);
    const std::string execution = recipe.execution == Execution::Integer ? "/integer" : "";
    if (recipe.method == "rtn" && recipe.parameters.empty()) return schemeText(recipe.scheme) + execution;
    const MethodInfo* info = method ? &(*method)->info() : nullptr;
    const Scheme base = info != nullptr ? info->scheme : Scheme{};
    std::string text = recipe.method;
    // What pruning leaves stays in F16 unless told otherwise: its usual scheme would say something else.
    const bool tellsScheme = info != nullptr && info->usesScheme && info->kind != MethodKind::Sparsifier;
    if (recipe.scheme != base || tellsScheme) text += "/" + schemeText(recipe.scheme, base);
    for (const auto& [key, value] : recipe.parameters) {
        const ParameterInfo* parameter = info != nullptr ? findParameter(*info, key) : nullptr;
        const bool word = value == "true" && parameter != nullptr && parameter->kind == ParameterKind::Toggle;
        text += "/" + escaped(key, kParameterSpecial);
        if (!word) text += "=" + escaped(value, kParameterSpecial);
    }
    return text + execution;
}

namespace {

/// Every recipe's part "integer", beside what its method and scheme read.
Result<Recipe> parseOnInteger(std::span<const std::string_view> parts) {
    std::string rest;
    for (const std::string_view part : parts)
        if (trimmed(part) != kIntegerPart) rest += (rest.empty() ? "" : "/") + std::string(part);
    Result<Recipe> recipe = parseRecipe(rest);
    if (recipe && !recipe->scheme.isFloat()) recipe->execution = Execution::Integer;
    return recipe;
}

}  // namespace

Result<Recipe> parseRecipe(std::string_view text) {
    text = trimmed(text);
    const auto parts = splitUnescaped(text, "/");
    if (std::find_if(parts.begin() + 1, parts.end(),
                     [](std::string_view part) { return trimmed(part) == kIntegerPart; }) != parts.end())
        return parseOnInteger(parts);
    // A ':' that follows a '/' belongs to a value ("pattern=2:4").
    if (splitUnescaped(parts.front(), ":").size() > 1) return parseColonForm(text);
    const auto method = methodNamed(trimmed(parts.front()));
    Recipe recipe;
    if (!method) {
        const Result<Scheme> scheme = parseScheme(text);
        if (!scheme)
            return fail(saysFormat(trimmed(parts.front())) ? scheme.error() : withMethods(scheme.error()));
        recipe.scheme = *scheme;
        return recipe;
    }
    const MethodInfo& info = (*method)->info();
    recipe.method = info.name;
    std::string schemeParts;
    for (size_t i = 1; i < parts.size(); ++i) {
        const std::string_view part = trimmed(parts[i]);
        const auto pair = splitUnescaped(part, "=");
        const std::string key = unescaped(pair.front());
        const ParameterInfo* parameter = findParameter(info, key);
        if (parameter == nullptr && saysFormat(part)) {
            schemeParts = fmt::format("{}{}{}", part, schemeParts.empty() ? "" : "/", schemeParts);
            continue;
        }
        if (parameter == nullptr) {
            schemeParts += (schemeParts.empty() ? "" : "/") + std::string(part);
            continue;
        }
        const std::string value = pair.size() > 1 ? unescaped(part.substr(pair.front().size() + 1)) : "true";
        if (const Status valid = checkParameter(*parameter, value); !valid) return fail(valid.error());
        recipe.parameters[key] = value;
    }
    const Result<Scheme> scheme = parseScheme(schemeParts, info.scheme);
    if (!scheme) return fail(withOptions(scheme.error(), info));
    recipe.scheme = *scheme;
    return recipe;
}

std::string variantText(const Variant& variant) {
    std::string text = recipeText(variant.weights);
    const MethodInfo* own = withActivations(variant.weights);
    const auto form = variant.weights.execution == Execution::Integer
                          ? executionFormText(variant.weights, variant.activations)
                          : std::nullopt;
    if (form) {
        text = *form;
    } else if (own != nullptr && variant.activations &&
               *variant.activations == activationsOf(*own, variant.activations->scheme.bits)) {
        // "int8" becomes "w8a8"; a method that uses no scheme of its own needs no word for it.
        const std::string weights = "/" + fmt::format("int{}", variant.weights.scheme.bits);
        const size_t at = text.find(weights);
        if (at != std::string::npos)
            text.replace(
                at, weights.size(),
                fmt::format("/w{}a{}", variant.weights.scheme.bits, variant.activations->scheme.bits));
    } else if (own != nullptr && !variant.activations) {
        text += " @act=float";
    } else if (variant.activations) {
        text += fmt::format(" @{}={}", variant.activations->isStatic ? "act-static" : "act",
                            schemeText(variant.activations->scheme));
        if (variant.activations->outlierThreshold > 0)
            text += fmt::format(" @outliers={}", variant.activations->outlierThreshold);
    }
    for (const LayerOverride& layer : variant.overrides) {
        const auto executed =
            layer.ownActivations ? executionFormText(layer.recipe, layer.activations) : std::nullopt;
        text += fmt::format(" @{}={}", patternText(layer.pattern),
                            executed ? *executed : recipeText(layer.recipe));
    }
    if (!variant.name.empty()) text += fmt::format(" @name={}", escaped(variant.name, kNameSpecial));
    return text;
}

Result<Variant> parseVariant(std::string_view text) {
    const auto parts = splitUnescaped(text, "@");
    Variant variant;
    if (const Status applied = applyFirstPart(variant, parts.front()); !applied) return fail(applied.error());
    for (size_t i = 1; i < parts.size(); ++i) {
        if (const Status applied = applyPart(variant, parts[i]); !applied) return fail(applied.error());
    }
    return variant;
}

Result<std::vector<Variant>> parseVariants(std::string_view text) {
    std::vector<std::string_view> parts = splitUnescaped(text, ";");
    // A ';' at the end is no empty variant.
    std::erase_if(parts, [](std::string_view part) { return trimmed(part).empty(); });
    std::vector<Variant> variants;
    for (const std::string_view part : parts) {
        Result<Variant> variant = parseVariant(part);
        if (!variant) {
            Error error = variant.error();
            if (parts.size() > 1)
                error.message = fmt::format("variant {} of {}, '{}': {}", variants.size() + 1, parts.size(),
                                            trimmed(part), error.message);
            return fail(std::move(error));
        }
        variants.push_back(std::move(*variant));
    }
    if (variants.empty())
        return fail(ErrorKind::InvalidArgument, "no variant given", "variants",
                    "write for example \"float; int8; int4/affine/group=64\"");
    return variants;
}

}  // namespace quantscope
