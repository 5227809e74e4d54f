// SPDX-License-Identifier: Apache-2.0
#include "app/experiment/experiment.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/experiment/matmul_part.h"
#include "app/experiment/model_part.h"
#include "app/experiment/tensor_part.h"
#include "methods/interface/method.h"
#include "methods/interface/recipe_needs.h"

namespace quantscope {
namespace {

std::string quoted(const std::string& argument) {
    static const std::string kPlain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=,@:";
    if (!argument.empty() && argument.find_first_not_of(kPlain) == std::string::npos) return argument;
    std::string out = "'";
    for (const char c : argument) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

std::string variantsText(const std::vector<Variant>& variants) {
    std::string text;
    for (const Variant& variant : variants) text += (text.empty() ? "" : "; ") + variantText(variant);
    return text;
}

Variant variantOf(std::string_view scheme) {
    auto parsed = parseVariant(scheme);
    return parsed ? std::move(*parsed) : Variant{};
}

std::string calibrationArguments(const ModelSource& model) {
    std::string text;
    if (!model.calibrationPath.empty())
        text += fmt::format(" --calibration {} --calibration-chunks {}", quoted(model.calibrationPath),
                            model.calibrationChunks);
    if (!model.calibrationFile.empty()) text += " --load-calibration " + quoted(model.calibrationFile);
    return text;
}

struct SourceArguments {
    std::string operator()(const TensorSource& s) const {
        return fmt::format("{} --tensor {}", quoted(s.path), quoted(s.tensor));
    }
    std::string operator()(const SyntheticSource& s) const { return "--synthetic " + quoted(s.spec); }
    std::string operator()(const ActivationSource& s) const {
        return fmt::format("{} --text {} --activations {} --tokens {}", quoted(s.modelPath),
                           quoted(s.textPath), quoted(s.layer), s.tokens);
    }
};

struct InputsArgument {
    std::string operator()(const TensorSource& s) const { return quoted(s.path); }
    std::string operator()(const SyntheticSource& s) const { return quoted("synthetic:" + s.spec); }
    std::string operator()(const ActivationSource& s) const {
        return fmt::format("captured:{} --text {} --tokens {}", s.layer, quoted(s.textPath), s.tokens);
    }
};

}  // namespace

bool isChosen(const MatrixSource& source) {
    return std::holds_alternative<SyntheticSource>(source) || !checkpointOf(source).empty();
}

std::string checkpointOf(const MatrixSource& source) {
    if (const auto* tensor = std::get_if<TensorSource>(&source)) return tensor->path;
    const auto* captured = std::get_if<ActivationSource>(&source);
    return captured != nullptr ? captured->modelPath : std::string();
}

ActivationSource capturedInputs(const Experiment& experiment) {
    return {
        experiment.model.modelPath, experiment.model.textPath, {}, experiment.part<ModelPart>().layerTokens};
}

bool needsCalibration(const Variant& variant) {
    const auto needs = [](const Recipe& recipe) { return calibrationNeed(recipe) != CalibrationNeed::None; };
    return needs(variant.weights) ||
           std::any_of(variant.overrides.begin(), variant.overrides.end(),
                       [&](const LayerOverride& entry) { return needs(entry.recipe); });
}

std::vector<Variant> defaultVariants() {
    return {variantOf("float"), variantOf("int8/symmetric/channel"), variantOf("int4/symmetric/channel"),
            variantOf("int4/affine/group=64")};
}

std::vector<Variant> defaultProducts() {
    return {variantOf("float"), variantOf("int8/channel @act=int8/token @name=vector-wise int8"),
            variantOf("int8/affine/tensor @act=uint8/affine/tensor @name=per-tensor affine"),
            variantOf("int8/channel @act=int8/token @outliers=6 @name=LLM.int8() t = 6")};
}

std::string tensorCommandLine(const Experiment& experiment) {
    const TensorPart& part = experiment.part<TensorPart>();
    std::string text =
        fmt::format("quantscope-cli compare {} --variants {}", std::visit(SourceArguments{}, part.matrix),
                    quoted(variantsText(experiment.variants)));
    if (part.inputs) return text + " --inputs " + std::visit(InputsArgument{}, *part.inputs);
    const auto* tensor = std::get_if<TensorSource>(&part.matrix);
    const bool calibrates =
        std::any_of(experiment.variants.begin(), experiment.variants.end(), needsCalibration);
    if (calibrates && tensor != nullptr && tensor->path == experiment.model.modelPath)
        text += calibrationArguments(experiment.model);
    return text;
}

std::string modelCommandLine(const Experiment& experiment, const RunPlaces& places) {
    const std::vector<Variant>& variants = experiment.variants;
    const EvaluationProtocol& protocol = experiment.part<ModelPart>().evaluation;
    std::string text = fmt::format("quantscope-cli eval --model {} --text {} --variants {} --window {}",
                                   quoted(experiment.model.modelPath), quoted(experiment.model.textPath),
                                   quoted(variantsText(variants)), protocol.window);
    const bool calibrates = std::any_of(variants.begin(), variants.end(), needsCalibration);
    if (calibrates || !places.calibrationTarget.empty()) text += calibrationArguments(experiment.model);
    if (!places.resumeFolder.empty()) text += " --resume " + quoted(places.resumeFolder);
    if (!places.calibrationTarget.empty()) text += " --save-calibration " + quoted(places.calibrationTarget);
    if (protocol.maxChunks > 0) text += fmt::format(" --chunks {}", protocol.maxChunks);
    if (protocol.rule != WindowRule::LlamaCpp) text += fmt::format(" --protocol {}", ruleName(protocol.rule));
    if (protocol.stride != EvaluationProtocol{}.stride) text += fmt::format(" --stride {}", protocol.stride);
    if (protocol.order != EvaluationOrder::Auto)
        text += fmt::format(" --order {}", orderName(protocol.order));
    if (protocol.memoryBudgetBytes != EvaluationProtocol{}.memoryBudgetBytes)
        text += fmt::format(" --memory {}", protocol.memoryBudgetBytes);
    return text;
}

std::string layersCommandLine(const Experiment& experiment, int variant) {
    const ModelPart& part = experiment.part<ModelPart>();
    const Variant& shown = experiment.variants[static_cast<size_t>(variant)];
    std::string text = fmt::format("quantscope-cli layers --model {} --text {} --scheme {}",
                                   quoted(experiment.model.modelPath), quoted(experiment.model.textPath),
                                   quoted(variantText(shown)));
    if (needsCalibration(shown)) text += calibrationArguments(experiment.model);
    return text + fmt::format(" --tokens {} --window {}", part.layerTokens, part.layerWindow);
}

}  // namespace quantscope
