// SPDX-License-Identifier: Apache-2.0
#include "methods/interface/recipe_editing.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "methods/interface/integer_layout.h"
#include "methods/interface/options.h"
#include "methods/interface/scheme_rules.h"
#include "methods/registry.h"

namespace quantscope {
namespace {

constexpr auto kMethod = "method";
constexpr auto kFormat = "format";

using Rules = std::vector<SchemeRule>;

const Method* methodOf(const Recipe& recipe) {
    const auto method = methodNamed(recipe.method);
    return method ? *method : nullptr;
}

ParameterInfo methodChoice() {
    ParameterInfo info;
    info.key = kMethod;
    info.label = "Method";
    info.help = "How the codes are found";
    for (const Method* method : allMethods()) {
        info.choices.push_back(
            {method->info().name, method->info().label, method->info().help + "\n" + method->info().source});
    }
    return info;
}

Recipe defaultRecipe(const MethodInfo& info) {
    Recipe recipe;
    recipe.method = info.name;
    recipe.scheme = info.scheme;
    return recipe;
}

/// Name and overrides are no change of what the method starts with.
bool isUntouched(const Variant& variant, const MethodInfo& info) {
    return variant.weights == defaultRecipe(info) && variant.activations == info.activations;
}

/// What the recipe's method asks of the scheme; nothing where it does not use one, or cannot read the recipe.
Rules rulesOf(const Recipe& recipe) {
    const Method* method = methodOf(recipe);
    if (method == nullptr || !checkParameters(method->info(), recipe) || !method->usesScheme(recipe))
        return {};
    return method->schemeRules(recipe);
}

bool keeps(const SchemeRule& rule, const Scheme& scheme) {
    return brokenRule(std::span(&rule, 1), scheme) == nullptr;
}

/// `scheme` with what breaks a rule set to the method's own value, or to the first that is accepted.
Scheme mended(Scheme scheme, const Rules& rules, const Scheme& own) {
    for (size_t round = 0; round <= rules.size(); ++round) {
        const SchemeRule* broken = brokenRule(rules, scheme);
        if (broken == nullptr) break;
        std::vector<std::string> wishes = broken->accepted;
        wishes.insert(wishes.begin(), schemeParameter(own, broken->key));
        for (const std::string& wish : wishes) {
            const auto changed = withSchemeParameter(scheme, broken->key, wish);
            if (!changed || !keeps(*broken, *changed)) continue;
            scheme = *changed;
            break;
        }
    }
    return scheme;
}

/// Codes that no integer product takes are multiplied in float.
void settleExecution(Variant& variant) {
    if (variant.weights.execution == Execution::Integer &&
        !integerLayout(variant.weights, variant.activations))
        variant.weights.execution = Execution::Fake;
}

/// Bits a weight as the recipe says them, by its scheme or by a parameter; 0 where neither does.
int bitsOf(const Method& method, const Recipe& recipe) {
    const MethodInfo& info = method.info();
    if (!info.bitsParameter.empty()) {
        const std::string bits = MethodOptions(info, recipe).text(info.bitsParameter);
        return std::stoi(bits);
    }
    return method.usesScheme(recipe) ? recipe.scheme.bits : 0;
}

/// Changes the recipe's scheme if its method takes the result.
template <class Change>
void takeOver(Recipe& recipe, const Rules& rules, const Change& change) {
    Scheme scheme = recipe.scheme;
    change(scheme);
    if (validate(scheme) && brokenRule(rules, scheme) == nullptr) recipe.scheme = scheme;
}

/// Whether a parameter of the scheme changes what the recipe's method does.
bool hasInfluence(const Method& method, const Recipe& recipe, const std::string& key) {
    const MethodInfo& info = method.info();
    if (std::ranges::find(info.ignoredOfScheme, key) != info.ignoredOfScheme.end()) return false;
    return !checkParameters(info, recipe) || method.usesScheme(recipe);
}

/// What stays of `old` when the method changes: bits, mapping, granularity and its sizes.
void keepChoices(const Method& from, const Recipe& old, const Method& to, Recipe& recipe) {
    const int bits = bitsOf(from, old);
    const std::string& own = to.info().bitsParameter;
    if (const ParameterInfo* parameter = own.empty() ? nullptr : findParameter(to.info(), own)) {
        const std::string wish = fmt::format("{}", bits);
        if (wish != parameter->defaultValue && checkParameter(*parameter, wish))
            recipe.parameters[own] = wish;
    }
    if (!to.usesScheme(recipe)) return;
    const Rules rules = to.schemeRules(recipe);
    if (bits > 0) takeOver(recipe, rules, [&](Scheme& s) { s.bits = bits; });
    if (!from.usesScheme(old)) return;
    takeOver(recipe, rules, [&](Scheme& s) { s.mapping = old.scheme.mapping; });
    takeOver(recipe, rules, [&](Scheme& s) {
        s.granularity = old.scheme.granularity;
        s.groupSize = old.scheme.groupSize;
        s.blockRows = old.scheme.blockRows;
        s.blockCols = old.scheme.blockCols;
    });
}

/// The control with the choices that lead to a valid recipe; nothing where that leaves no choice.
std::optional<ParameterInfo> offered(ParameterInfo info, const Variant& variant) {
    if (rulesOf(variant.weights).empty()) return info;
    const std::string now = weightParameter(variant, info.key);
    const bool isRight = !whyNot(variant, info.key, now);
    if (info.kind == ParameterKind::Toggle) {
        if (isRight && whyNot(variant, info.key, now == "true" ? "false" : "true")) return std::nullopt;
        return info;
    }
    const size_t before = info.choices.size();
    std::erase_if(info.choices, [&](const ParameterChoice& choice) {
        return choice.value != now && whyNot(variant, info.key, choice.value).has_value();
    });
    if (info.choices.size() == before) return info;
    if (isRight && info.choices.size() <= 1) return std::nullopt;
    if (info.kind == ParameterKind::Integer && !info.choices.empty()) {
        info.minimum = std::stod(info.choices.front().value);
        info.maximum = std::stod(info.choices.back().value);
    }
    return info;
}

/// Float weights have no method: their activations stay where a person chose them.
Result<Variant> withFormat(Variant variant, const std::string& value) {
    const auto scheme = withSchemeParameter(variant.weights.scheme, kFormat, value);
    if (!scheme) return fail(scheme.error());
    if (scheme->isFloat() == variant.weights.scheme.isFloat()) return variant;
    const Method* method = methodOf(variant.weights);
    if (method != nullptr && variant.activations == method->info().activations) variant.activations.reset();
    variant.weights = Recipe{};
    if (scheme->isFloat()) variant.weights.scheme = floatScheme();
    return variant;
}

Result<Variant> withMethodParameter(Variant variant, const MethodInfo& info, const ParameterInfo& parameter,
                                    const std::string& value) {
    if (Status valid = checkParameter(parameter, value); !valid) return fail(valid.error());
    Recipe& recipe = variant.weights;
    // What is so by default is left out, as in the method's bare text form.
    if (value == parameter.defaultValue)
        recipe.parameters.erase(parameter.key);
    else
        recipe.parameters[parameter.key] = value;
    recipe.scheme = mended(recipe.scheme, rulesOf(recipe), info.scheme);
    settleExecution(variant);
    return variant;
}

}  // namespace

Variant defaultVariant(const MethodInfo& info) {
    Variant variant;
    variant.weights = defaultRecipe(info);
    variant.activations = info.activations;
    return variant;
}

Result<Variant> withMethod(Variant variant, const std::string& name) {
    const auto found = methodNamed(name);
    if (!found) return fail(found.error());
    const Method& to = **found;
    const Method* from = methodOf(variant.weights);
    const bool isFloat = variant.weights.scheme.isFloat();
    if (from == &to && !isFloat) return variant;
    Recipe recipe = defaultRecipe(to.info());
    if (from != nullptr && !isFloat && checkParameters(from->info(), variant.weights) &&
        !isUntouched(variant, from->info())) {
        keepChoices(*from, variant.weights, to, recipe);
        recipe.execution = variant.weights.execution;
    }
    if (from == nullptr || variant.activations == from->info().activations)
        variant.activations = to.info().activations;
    variant.weights = std::move(recipe);
    settleExecution(variant);
    return variant;
}

std::vector<ParameterInfo> weightParameters(const Variant& variant) {
    const Recipe& recipe = variant.weights;
    if (recipe.scheme.isFloat()) return schemeParameters(recipe.scheme);
    std::vector<ParameterInfo> parameters{methodChoice()};
    const Method* method = methodOf(recipe);
    if (method == nullptr) return parameters;
    const MethodInfo& info = method->info();
    for (ParameterInfo& own : schemeParameters(recipe.scheme)) {
        // A parameter of the method's that has the same key is the one that text forms mean.
        if (!hasInfluence(*method, recipe, own.key) || findParameter(info, own.key) != nullptr) continue;
        if (auto shown = offered(std::move(own), variant)) parameters.push_back(std::move(*shown));
    }
    parameters.insert(parameters.end(), info.parameters.begin(), info.parameters.end());
    return parameters;
}

std::string weightParameter(const Variant& variant, const std::string& key) {
    if (key == kMethod) return variant.weights.method;
    const Method* method = methodOf(variant.weights);
    if (method != nullptr && findParameter(method->info(), key) != nullptr)
        return MethodOptions(method->info(), variant.weights).text(key);
    return schemeParameter(variant.weights.scheme, key);
}

Result<Variant> withWeightParameter(Variant variant, const std::string& key, const std::string& value) {
    if (key == kMethod) return withMethod(std::move(variant), value);
    if (key == kFormat) return withFormat(std::move(variant), value);
    const auto method = methodNamed(variant.weights.method);
    if (!method) return fail(method.error());
    const MethodInfo& info = (*method)->info();
    if (const ParameterInfo* parameter = findParameter(info, key))
        return withMethodParameter(std::move(variant), info, *parameter, value);
    const auto scheme = withSchemeParameter(variant.weights.scheme, key, value);
    if (!scheme) return fail(scheme.error());
    if (!hasInfluence(**method, variant.weights, key))
        return fail(ErrorKind::InvalidArgument,
                    fmt::format("{} does not depend on '{}' as it stands", info.label, key), key,
                    "choose one of its own options, or another method");
    const Rules rules = rulesOf(variant.weights);
    for (const SchemeRule& rule : rules)
        if (rule.key == key && !keeps(rule, *scheme)) return fail(rule.refusal);
    const Scheme settled = mended(*scheme, rules, info.scheme);
    // A convention that had to be mended is another one.
    const bool isSame = schemeParameter(settled, key) == schemeParameter(*scheme, key);
    if (const SchemeRule* broken = brokenRule(rules, isSame ? settled : *scheme))
        return fail(broken->refusal);
    variant.weights.scheme = settled;
    settleExecution(variant);
    return variant;
}

std::optional<Error> whyNot(const Variant& variant, const std::string& key, const std::string& value) {
    const auto changed = withWeightParameter(variant, key, value);
    if (changed) return std::nullopt;
    return changed.error();
}

std::optional<Objection> objectionTo(const Variant& variant) {
    const Recipe& recipe = variant.weights;
    const auto method = methodNamed(recipe.method);
    if (!method) return Objection{kMethod, method.error()};
    const MethodInfo& info = (*method)->info();
    for (const auto& [key, value] : recipe.parameters) {
        const ParameterInfo* parameter = findParameter(info, key);
        if (parameter == nullptr) return Objection{kMethod, checkParameters(info, recipe).error()};
        if (const Status valid = checkParameter(*parameter, value); !valid)
            return Objection{key, valid.error()};
    }
    if (const Status valid = validate(recipe.scheme); !valid)
        return Objection{valid.error().field, valid.error()};
    if (recipe.scheme.isFloat()) return std::nullopt;
    const Rules rules = rulesOf(recipe);
    const SchemeRule* broken = brokenRule(rules, recipe.scheme);
    if (broken == nullptr) return std::nullopt;
    return Objection{broken->key, broken->refusal};
}

}  // namespace quantscope
