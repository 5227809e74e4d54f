// SPDX-License-Identifier: Apache-2.0
#include "methods/interface/execution_text.h"

#include <fmt/format.h>

#include <cctype>
#include <charconv>
#include <cmath>

#include "methods/interface/variant_text.h"
#include "quant/formats/number_format.h"

namespace quantscope {
namespace {

constexpr std::string_view kDecomposed = "llm-int8";
constexpr int kFloatBits = 16;  ///< "a16": as in the papers, not quantized

ActivationRecipe activationsOf(int bits, bool isStatic, double threshold) {
    ActivationRecipe recipe;
    recipe.scheme.bits = bits;
    recipe.scheme.granularity = isStatic ? Granularity::Tensor : Granularity::Token;
    recipe.scheme.multiplyByInverse = true;  // what row kernels compute
    recipe.isStatic = isStatic;
    recipe.outlierThreshold = threshold;
    return recipe;
}

Result<double> thresholdOf(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc{} && end == text.data() + text.size() && std::isfinite(value) && value > 0)
        return value;
    return fail(ErrorKind::InvalidArgument, fmt::format("'{}' is no threshold", text), "threshold",
                "write a magnitude above 0, such as threshold=6");
}

/// The parts after the widths.
struct FormParts {
    std::string scheme;  ///< of the weights
    bool isStatic = false;
    bool saysRange = false;
    double threshold = 0;
    bool isFake = false;
    bool hasFormat = false;
};

Result<FormParts> partsOf(std::string_view text) {
    FormParts found;
    const auto parts = splitUnescaped(text, "/");
    for (size_t i = 1; i < parts.size(); ++i) {
        const std::string_view part = trimmed(parts[i]);
        if (part == "token" || part == "static") {
            found.isStatic = part == "static";
            found.saysRange = true;
        } else if (part.starts_with("threshold=")) {
            const auto threshold = thresholdOf(part.substr(part.find('=') + 1));
            if (!threshold) return fail(threshold.error());
            found.threshold = *threshold;
        } else if (part == "fake" || part == "integer") {
            found.isFake = part == "fake";
        } else if (parseFormatPart(part) || part.starts_with("preset=")) {
            found.scheme = std::string(part) + (found.scheme.empty() ? "" : "/") + found.scheme;
            found.hasFormat = true;
        } else {
            found.scheme += (found.scheme.empty() ? "" : "/") + std::string(part);
        }
    }
    return found;
}

tl::unexpected<Error> badForm(std::string message) {
    return fail(ErrorKind::InvalidArgument, std::move(message), "variant",
                "write w8a8/token, w8a8/static, w8a8/token/threshold=6, w4a8/group=64 or w4a16/group=64");
}

Result<ExecutionForm> decomposed(const FormParts& parts) {
    if (!parts.scheme.empty() || parts.isStatic)
        return fail(ErrorKind::InvalidArgument, "LLM.int8() with a threshold takes no other part", "variant",
                    "write llm-int8/threshold=6");
    auto recipe = parseRecipe(kDecomposed);
    if (!recipe) return fail(recipe.error());
    recipe->execution = parts.isFake ? Execution::Fake : Execution::Integer;
    return ExecutionForm{std::move(*recipe), activationsOf(8, false, parts.threshold)};
}

Result<ExecutionForm> byWidths(const WidthPair& widths, const FormParts& parts, std::string_view text) {
    const auto known = [](int bits) { return (bits >= 2 && bits <= 8) || bits == kFloatBits; };
    if (!known(widths.weights) || !known(widths.activations))
        return badForm(
            fmt::format("'{}': weights and activations take 2 to 8 bits, or 16 for float", trimmed(text)));
    ExecutionForm form;
    const bool floatInputs = widths.activations == kFloatBits;
    if (floatInputs && (parts.saysRange || parts.threshold > 0))
        return badForm(
            fmt::format("'{}': activations in float have neither a range nor a threshold", trimmed(text)));
    if (!floatInputs) form.activations = activationsOf(widths.activations, parts.isStatic, parts.threshold);
    if (widths.weights == kFloatBits) {
        if (!parts.scheme.empty())
            return badForm(fmt::format("'{}': weights in float have no scheme", trimmed(text)));
        form.recipe.scheme = floatScheme();
        return form;
    }
    const std::string scheme = parts.hasFormat ? parts.scheme
                                               : fmt::format("int{}{}{}", widths.weights,
                                                             parts.scheme.empty() ? "" : "/", parts.scheme);
    auto parsed = parseScheme(scheme);
    if (!parsed) return fail(parsed.error());
    if (parsed->bits != widths.weights)
        return badForm(
            fmt::format("'{}': {} are no weights of {} bits", trimmed(text), scheme, widths.weights));
    form.recipe.scheme = std::move(*parsed);
    form.recipe.execution = parts.isFake ? Execution::Fake : Execution::Integer;
    return form;
}

}  // namespace

std::optional<WidthPair> widthsOf(std::string_view part) {
    const size_t a = part.find('a');
    if (!part.starts_with('w') || a == std::string_view::npos) return std::nullopt;
    const auto number = [](std::string_view digits) {
        const bool small = !digits.empty() && digits.size() <= 2;
        int value = 0;
        for (const char c : digits) {
            if (!small || std::isdigit(static_cast<unsigned char>(c)) == 0) return 0;
            value = 10 * value + (c - '0');
        }
        return value;
    };
    const WidthPair widths{number(part.substr(1, a - 1)), number(part.substr(a + 1))};
    if (widths.weights == 0 || widths.activations == 0) return std::nullopt;
    return widths;
}

Result<std::optional<ExecutionForm>> parseExecutionForm(std::string_view text) {
    text = trimmed(text);
    const std::string_view head = trimmed(splitUnescaped(text, "/").front());
    const auto widths = widthsOf(head);
    const bool outliers = head == kDecomposed && text.find("/threshold=") != std::string_view::npos;
    if (!widths && !outliers) return std::optional<ExecutionForm>{};
    const auto parts = partsOf(text);
    if (!parts) return fail(parts.error());
    auto form = outliers ? decomposed(*parts) : byWidths(*widths, *parts, text);
    if (!form) return fail(form.error());
    return std::optional<ExecutionForm>{std::move(*form)};
}

std::optional<std::string> executionFormText(const Recipe& recipe,
                                             const std::optional<ActivationRecipe>& activations) {
    if (!recipe.parameters.empty()) return std::nullopt;
    const bool outliers = recipe.method == kDecomposed;
    if (outliers ? !activations || !(activations->outlierThreshold > 0) : recipe.method != "rtn")
        return std::nullopt;
    std::string text(kDecomposed);
    if (!outliers) {
        const bool isFloat = recipe.scheme.isFloat();
        text = fmt::format("w{}a{}", isFloat ? kFloatBits : recipe.scheme.bits,
                           activations ? activations->scheme.bits : kFloatBits);
        if (activations && (activations->isStatic || recipe.scheme.bits == 8))
            text += activations->isStatic ? "/static" : "/token";
    }
    if (activations && activations->outlierThreshold > 0)
        text += fmt::format("/threshold={}", activations->outlierThreshold);
    if (!outliers && !recipe.scheme.isFloat()) {
        const std::string scheme = schemeText(recipe.scheme);
        const std::string usual = fmt::format("int{}", recipe.scheme.bits);
        if (!scheme.starts_with(usual)) text += "/" + scheme;
        if (scheme.starts_with(usual)) text += scheme.substr(usual.size());
    }
    if (recipe.execution == Execution::Fake && !recipe.scheme.isFloat()) text += "/fake";
    // What the form cannot say (another activation scheme, weights by token) reads differently.
    const auto again = parseExecutionForm(text);
    const bool same = again && *again && (*again)->recipe == recipe && (*again)->activations == activations;
    return same ? std::optional<std::string>(std::move(text)) : std::nullopt;
}

}  // namespace quantscope
