// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/variant_parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "methods/interface/method.h"
#include "methods/registry.h"
#include "quant/scheme/scheme.h"

namespace quantscope {
namespace {

constexpr auto kMethod = "method";
constexpr auto kQuantized = "activations";
constexpr auto kRange = "activation-range";
constexpr auto kOutliers = "outliers";

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

const ParameterInfo* methodParameter(const Variant& variant, const std::string& key) {
    const auto method = methodNamed(variant.weights.method);
    if (!method) return nullptr;
    const auto& parameters = (*method)->info().parameters;
    const auto found = std::find_if(parameters.begin(), parameters.end(),
                                    [&](const ParameterInfo& info) { return info.key == key; });
    return found == parameters.end() ? nullptr : &*found;
}

}  // namespace

std::vector<ParameterInfo> weightParameters(const Variant& variant) {
    const Scheme& scheme = variant.weights.scheme;
    std::vector<ParameterInfo> parameters;
    if (!scheme.isFloat()) parameters.push_back(methodChoice());
    const auto own = schemeParameters(scheme);
    parameters.insert(parameters.end(), own.begin(), own.end());
    if (scheme.isFloat()) return parameters;
    if (const auto method = methodNamed(variant.weights.method)) {
        const auto& extra = (*method)->info().parameters;
        parameters.insert(parameters.end(), extra.begin(), extra.end());
    }
    return parameters;
}

std::string weightParameter(const Variant& variant, const std::string& key) {
    if (key == kMethod) return variant.weights.method;
    if (const ParameterInfo* info = methodParameter(variant, key)) {
        const auto set = variant.weights.parameters.find(key);
        return set == variant.weights.parameters.end() ? info->defaultValue : set->second;
    }
    return schemeParameter(variant.weights.scheme, key);
}

Result<Variant> withWeightParameter(Variant variant, const std::string& key, const std::string& value) {
    if (key == kMethod) {
        const auto method = methodNamed(value);
        if (!method) return fail(method.error());
        variant.weights.method = value;
        variant.weights.parameters.clear();
        return variant;
    }
    if (methodParameter(variant, key)) {
        variant.weights.parameters[key] = value;
        return variant;
    }
    const auto scheme = withSchemeParameter(variant.weights.scheme, key, value);
    if (!scheme) return fail(scheme.error());
    if (const Status status = validate(*scheme); !status) return fail(status.error());
    variant.weights.scheme = *scheme;
    return variant;
}

std::vector<ParameterInfo> activationParameters(const Variant& variant) {
    ParameterInfo quantized;
    quantized.key = kQuantized;
    quantized.label = "Quantize";
    quantized.help = "Quantizes the input of every linear layer (Model lab)";
    quantized.kind = ParameterKind::Toggle;
    if (!variant.activations) return {quantized};

    ParameterInfo range;
    range.key = kRange;
    range.label = "Range from";
    range.help = "Dynamic: the data at hand. Static: ranges measured beforehand on calibration text";
    range.choices = {{"dynamic", "the data (dynamic)", "Measured for every input"},
                     {"static", "calibration (static)", "Measured once on calibration text"}};
    ParameterInfo outliers;
    outliers.key = kOutliers;
    outliers.label = "Outliers from";
    outliers.help =
        "LLM.int8(): input channels with any |x| at or above this stay in float and are multiplied apart; "
        "0 quantizes all. The paper takes 6";
    outliers.kind = ParameterKind::Real;
    outliers.maximum = 10000;
    outliers.defaultValue = "0";
    std::vector<ParameterInfo> parameters = {quantized, range, outliers};
    for (ParameterInfo& info : schemeParameters(variant.activations->scheme)) {
        parameters.push_back(std::move(info));
    }
    return parameters;
}

std::string activationParameter(const Variant& variant, const std::string& key) {
    if (key == kQuantized) return variant.activations ? "true" : "false";
    if (!variant.activations) return {};
    if (key == kRange) return variant.activations->isStatic ? "static" : "dynamic";
    if (key == kOutliers) return fmt::format("{}", variant.activations->outlierThreshold);
    return schemeParameter(variant.activations->scheme, key);
}

Result<Variant> withActivationParameter(Variant variant, const std::string& key, const std::string& value) {
    if (key == kQuantized) {
        variant.activations.reset();
        if (value != "true") return variant;
        ActivationRecipe recipe;
        recipe.scheme.granularity = Granularity::Token;
        variant.activations = recipe;
        return variant;
    }
    if (!variant.activations) return variant;
    if (key == kRange) {
        variant.activations->isStatic = value == "static";
        // A range that is known beforehand cannot depend on the token.
        if (variant.activations->isStatic && variant.activations->scheme.granularity == Granularity::Token) {
            variant.activations->scheme.granularity = Granularity::Tensor;
        }
        return variant;
    }
    if (key == kOutliers) {
        const double threshold = std::strtod(value.c_str(), nullptr);
        if (!(threshold >= 0) || !std::isfinite(threshold))
            return fail(ErrorKind::InvalidArgument, "a magnitude, 0 or above", key, "0 quantizes all");
        variant.activations->outlierThreshold = threshold;
        return variant;
    }
    const auto scheme = withSchemeParameter(variant.activations->scheme, key, value);
    if (!scheme) return fail(scheme.error());
    if (const Status status = validate(*scheme); !status) return fail(status.error());
    variant.activations->scheme = *scheme;
    return variant;
}

}  // namespace quantscope
