// SPDX-License-Identifier: Apache-2.0
#include "app/experiment/matmul_choices.h"

#include <fmt/format.h>

#include <algorithm>

namespace quantscope {
namespace {

constexpr int kTokens = 128;  ///< rows of a captured input: as many as a lecture looks at, and a few

struct Example {
    const char* name;
    const char* label;
    int64_t inputs;
};
constexpr Example kExamples[] = {{"int8-product", "worked example 7: vector-wise", 3},
                                 {"integer-only-product", "worked example 5: integer-only", 4},
                                 {"outlier-product", "worked example 8: outliers", 8}};

ActivationSource inputOf(const LinearInfo& layer, const ModelSource& model) {
    return {model.modelPath, model.textPath, layer.name, kTokens};
}

TensorSource weightOf(const LinearInfo& layer, const ModelSource& model) {
    return {model.modelPath, layer.tensorName};
}

const MatmulChoice* find(const std::vector<MatmulChoice>& choices, const MatrixSource& source) {
    const auto found =
        std::ranges::find_if(choices, [&](const MatmulChoice& choice) { return choice.source == source; });
    return found == choices.end() ? nullptr : &*found;
}

bool fits(const MatmulChoice* other, const MatmulChoice& chosen) {
    return other != nullptr && other->inputs == chosen.inputs;
}

}  // namespace

MatmulChoices matmulChoices(const Samples* samples, const ModelSource& model,
                            std::span<const LinearInfo> layers, int64_t depth) {
    MatmulChoices choices;
    if (samples != nullptr) {
        for (const Example& example : kExamples) {
            const MatmulSource source = workedProduct(*samples, example.name);
            choices.x.push_back({example.label, source.x, false, example.inputs});
            choices.w.push_back({example.label, source.w, source.inputsByOutputs, example.inputs});
        }
    }
    for (const LinearInfo& layer : layers) {
        if (model.textPath.empty()) break;
        choices.x.push_back({"input of " + layer.name, inputOf(layer, model), false, layer.inFeatures});
        choices.w.push_back({layer.name, weightOf(layer, model), false, layer.inFeatures});
    }
    if (depth > 0) {
        for (const char* name : {"normal", "laplace", "outliers"}) {
            choices.x.push_back({fmt::format("{} 64 × {}", name, depth),
                                 SyntheticSource{fmt::format("{}/rows=64/cols={}/seed=1", name, depth)},
                                 false, depth});
        }
        choices.w.push_back({fmt::format("normal {} × 64", depth),
                             SyntheticSource{fmt::format("normal/rows=64/cols={}/seed=2", depth)}, false,
                             depth});
    }
    return choices;
}

MatmulSource withX(const MatmulSource& source, const MatmulChoices& choices, size_t index) {
    MatmulSource next = source;
    if (index >= choices.x.size()) return next;
    next.x = choices.x[index].source;
    if (fits(find(choices.w, source.w), choices.x[index]) || index >= choices.w.size()) return next;
    next.w = choices.w[index].source;
    next.inputsByOutputs = choices.w[index].inputsByOutputs;
    return next;
}

MatmulSource withW(const MatmulSource& source, const MatmulChoices& choices, size_t index) {
    MatmulSource next = source;
    if (index >= choices.w.size()) return next;
    next.w = choices.w[index].source;
    next.inputsByOutputs = choices.w[index].inputsByOutputs;
    if (!fits(find(choices.x, source.x), choices.w[index]) && index < choices.x.size())
        next.x = choices.x[index].source;
    return next;
}

std::optional<size_t> indexOfX(const MatmulChoices& choices, const MatmulSource& source) {
    const MatmulChoice* found = find(choices.x, source.x);
    return found == nullptr ? std::nullopt : std::optional<size_t>(found - choices.x.data());
}

std::optional<size_t> indexOfW(const MatmulChoices& choices, const MatmulSource& source) {
    const MatmulChoice* found = find(choices.w, source.w);
    return found == nullptr ? std::nullopt : std::optional<size_t>(found - choices.w.data());
}

MatmulSource withChosen(const MatmulSource& source, const MatrixSource& chosen, const ModelSource& model,
                        std::span<const LinearInfo> layers) {
    MatmulSource next = source;
    const auto* tensor = std::get_if<TensorSource>(&chosen);
    const auto* activation = std::get_if<ActivationSource>(&chosen);
    for (const LinearInfo& layer : layers) {
        const bool isWeight =
            tensor != nullptr && tensor->tensor == layer.tensorName && tensor->path == model.modelPath;
        const bool isInput = activation != nullptr && activation->layer == layer.name;
        if (!isWeight && !isInput) continue;
        if (isWeight && model.textPath.empty()) break;
        next.x = inputOf(layer, model);
        next.w = isWeight ? chosen : MatrixSource(weightOf(layer, model));
        next.inputsByOutputs = false;
        return next;
    }
    (tensor != nullptr ? next.w : next.x) = chosen;
    if (tensor != nullptr) next.inputsByOutputs = false;
    return next;
}

}  // namespace quantscope
