// SPDX-License-Identifier: Apache-2.0
#include "methods/interface/variant.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "methods/interface/execution_text.h"

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

std::string overridesTitle(const Variant& variant) {
    const size_t count = variant.overrides.size();
    return count == 0 ? "" : fmt::format(", {} override{}", count, count == 1 ? "" : "s");
}

/// "W4A8 g64" of "w4a8/group=64"; empty where the variant is no such form.
std::string formTitle(const Variant& variant) {
    if (variant.weights.execution != Execution::Integer) return {};
    std::string title = executionFormText(variant.weights, variant.activations).value_or("");
    for (const auto& [from, to] :
         {std::pair<std::string_view, std::string_view>{"/group=", " g"}, {"/", " "}, {"=", " "}})
        for (size_t at = title.find(from); at != std::string::npos; at = title.find(from, at + to.size()))
            title.replace(at, from.size(), to);
    const size_t widths = title.starts_with('w') ? std::min(title.find(' '), title.size()) : 0;
    for (size_t i = 0; i < widths; ++i)
        title[i] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[i])));
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
    if (auto form = formTitle(variant); !form.empty()) return form + overridesTitle(variant);
    std::string title = shortTitle(variant.weights.scheme);
    const bool byMethod = variant.weights.method != "rtn" && !variant.weights.scheme.isFloat();
    if (byMethod) title = methodTitle(variant);
    // A method's own activations are part of its title.
    const bool told = byMethod && variantText(variant).find(" @act") == std::string::npos;
    if (variant.activations && !told) {
        title += fmt::format(", {}activations {}", variant.activations->isStatic ? "static " : "",
                             shortTitle(variant.activations->scheme));
    }
    if (variant.weights.execution == Execution::Integer && !byMethod) title += ", integer";
    return title + overridesTitle(variant);
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

const std::optional<ActivationRecipe>& activationsFor(const Variant& variant, std::string_view layerName) {
    for (const LayerOverride& layer : variant.overrides) {
        if (matchesPattern(layer.pattern, layerName))
            return layer.ownActivations ? layer.activations : variant.activations;
    }
    return variant.activations;
}

void setExecution(Variant& variant, Execution execution) {
    const auto set = [&](Recipe& recipe) {
        if (!recipe.scheme.isFloat()) recipe.execution = execution;
    };
    set(variant.weights);
    for (LayerOverride& layer : variant.overrides) set(layer.recipe);
}

std::string_view executionOf(const Variant& variant) {
    if (variant.isFloat()) return "float";
    bool integer = false;
    bool fake = false;
    const auto look = [&](const Recipe& recipe) {
        (recipe.execution == Execution::Integer ? integer : fake) = true;
    };
    look(variant.weights);
    for (const LayerOverride& layer : variant.overrides) look(layer.recipe);
    if (integer && fake) return "mixed";
    return integer ? "integer" : "fake";
}

}  // namespace quantscope
