// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <utility>

#include "methods/interface/integer_layout.h"
#include "methods/interface/recipe_editing.h"
#include "methods/registry.h"

namespace quantscope {
namespace {

constexpr auto kQuantized = "activations";
constexpr auto kRange = "activation-range";
constexpr auto kOutliers = "outliers";
constexpr auto kGranularity = "granularity";

/// A range that is known beforehand cannot follow the rows of data that nobody has seen.
bool isStaticGranularity(Granularity granularity) {
    return granularity == Granularity::Tensor || granularity == Granularity::InputChannel;
}

tl::unexpected<Error> refuse(std::string message, std::string key, std::string fix) {
    return fail(ErrorKind::InvalidArgument, std::move(message), std::move(key), std::move(fix));
}

ActivationRecipe firstActivations(const Variant& variant) {
    const auto method = methodNamed(variant.weights.method);
    if (method && (*method)->info().activations) return *(*method)->info().activations;
    ActivationRecipe recipe;
    recipe.scheme.granularity = Granularity::Token;
    return recipe;
}

Status setQuantized(Variant& variant, const std::string& value) {
    if (value != "true" && value != "false")
        return refuse(fmt::format("'{}' is no value of '{}'", value, kQuantized), kQuantized,
                      "accepted: true, false");
    variant.activations.reset();
    if (value == "true") variant.activations = firstActivations(variant);
    return {};
}

Status setRange(ActivationRecipe& recipe, const std::string& value) {
    if (value != "static" && value != "dynamic")
        return refuse(fmt::format("'{}' is no value of '{}'", value, kRange), kRange,
                      "accepted: dynamic, static");
    recipe.isStatic = value == "static";
    if (recipe.isStatic && !isStaticGranularity(recipe.scheme.granularity))
        recipe.scheme.granularity = Granularity::Tensor;
    return {};
}

Status setThreshold(ActivationRecipe& recipe, const std::string& value) {
    double threshold = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), threshold);
    const bool isNumber = error == std::errc{} && end == value.data() + value.size();
    if (!isNumber || !(threshold >= 0) || !std::isfinite(threshold))
        return refuse("a magnitude, 0 or above", kOutliers, "0 quantizes all");
    recipe.outlierThreshold = threshold;
    return {};
}

Status setScheme(Variant& variant, const std::string& key, const std::string& value) {
    const auto scheme = withSchemeParameter(variant.activations->scheme, key, value);
    if (!scheme) return fail(scheme.error());
    if (variant.activations->isStatic && !isStaticGranularity(scheme->granularity) && !scheme->isFloat())
        return refuse("a static range cannot follow the rows of data it has not seen", key,
                      "choose one range a tensor or input channel, or a dynamic range");
    variant.activations->scheme = *scheme;
    if (scheme->isFloat()) variant.activations.reset();
    return {};
}

Status change(Variant& variant, const std::string& key, const std::string& value) {
    if (key == kQuantized) return setQuantized(variant, value);
    if (!variant.activations) return {};
    if (key == kRange) return setRange(*variant.activations, value);
    if (key == kOutliers) return setThreshold(*variant.activations, value);
    return setScheme(variant, key, value);
}

}  // namespace

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
        if (info.key == kGranularity)
            std::erase_if(info.choices, [&](const ParameterChoice& choice) {
                return !withActivationParameter(variant, kGranularity, choice.value);
            });
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
    if (Status done = change(variant, key, value); !done) return fail(done.error());
    // Weights whose inputs no integer product takes are multiplied in float.
    if (!integerLayout(variant.weights, variant.activations)) variant.weights.execution = Execution::Fake;
    return variant;
}

}  // namespace quantscope
