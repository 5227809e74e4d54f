// SPDX-License-Identifier: Apache-2.0
#include "methods/variant.h"

#include <fmt/format.h>

#include <algorithm>

namespace quantscope {
namespace {

std::string shortTitle(const Scheme& s) {
    if (s.isFloat()) return "float";
    const std::string text = schemeText(s);
    if (text.starts_with("preset=")) {
        for (const SchemePreset& preset : schemePresets())
            if (text.substr(7) == preset.name) return preset.label;
    }
    std::string title = schemeTitle(s);
    const auto replace = [&](std::string_view from, std::string_view to) {
        const size_t at = title.find(from);
        if (at != std::string::npos) title.replace(at, from.size(), to);
    };
    replace(", group ", " g");
    replace(", block ", " block ");
    replace(", per ", " ");
    replace(" symmetric", "");  // what is not said is symmetric, as in the text form
    return title;
}

/// "gptq int4 affine g64 act-order": the text form as words.
std::string methodTitle(const Variant& variant) {
    Variant plain = variant;
    plain.overrides.clear();
    std::string title = variantText(plain);
    title = title.substr(0, title.find(" @"));
    for (const auto& [from, to] :
         {std::pair<std::string_view, std::string_view>{"/group=", " g"}, {"/", " "}, {"=", " "}})
        for (size_t at = title.find(from); at != std::string::npos; at = title.find(from, at + to.size()))
            title.replace(at, from.size(), to);
    return title;
}

}  // namespace

bool Variant::isFloat() const {
    const bool floatActivations = !activations || activations->scheme.isFloat();
    return weights.scheme.isFloat() && floatActivations &&
           std::all_of(overrides.begin(), overrides.end(),
                       [](const LayerOverride& o) { return o.recipe.scheme.isFloat(); });
}

std::string variantTitle(const Variant& variant) {
    if (!variant.name.empty()) return variant.name;
    std::string title = shortTitle(variant.weights.scheme);
    const bool byMethod = variant.weights.method != "rtn" && !variant.weights.scheme.isFloat();
    if (byMethod) title = methodTitle(variant);
    // A method's own activations are part of its title.
    const bool told = byMethod && variantText(variant).find(" @act") == std::string::npos;
    if (variant.activations && !told) {
        title += fmt::format(", {}activations {}", variant.activations->isStatic ? "static " : "",
                             shortTitle(variant.activations->scheme));
    }
    if (!variant.overrides.empty()) {
        title += fmt::format(", {} override{}", variant.overrides.size(),
                             variant.overrides.size() == 1 ? "" : "s");
    }
    return title;
}

bool matchesPattern(std::string_view pattern, std::string_view name) {
    // Greedy with one point to fall back to: the last '*' and how far into the name it reaches.
    size_t p = 0;
    size_t n = 0;
    size_t star = std::string_view::npos;
    size_t reach = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            reach = n;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
            ++p;
            ++n;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            n = ++reach;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

const Recipe& recipeFor(const Variant& variant, std::string_view layerName) {
    for (const LayerOverride& layer : variant.overrides)
        if (matchesPattern(layer.pattern, layerName)) return layer.recipe;
    return variant.weights;
}

}  // namespace quantscope
