// SPDX-License-Identifier: Apache-2.0
#include "methods/interface/input_order.h"

#include <array>
#include <string>
#include <utility>

#include "methods/interface/options.h"
#include "methods/interface/recipe_needs.h"
#include "methods/registry.h"

namespace quantscope {
namespace {

constexpr auto kKey = "inputs";
constexpr std::array<std::pair<const char*, InputOrder>, 3> kNames{
    {{"float", InputOrder::Float},
     {"quantized", InputOrder::Quantized},
     {"true-sequential", InputOrder::TrueSequential}}};

const char* nameOf(InputOrder order) {
    return kNames[static_cast<size_t>(order)].first;
}

}  // namespace

ParameterInfo inputsParameter(InputOrder byDefault) {
    return choiceParameter(
        kKey, "Inputs", "whose outputs a layer is calibrated on: order matters (GPTQ's own code)",
        {{nameOf(InputOrder::Float), "Float model", "X of the float model; every layer by itself"},
         {nameOf(InputOrder::Quantized), "Quantized blocks",
          "X after the blocks before were quantized; a block at a time"},
         {nameOf(InputOrder::TrueSequential), "Quantized layers",
          "X after all layers before were quantized: q, k, v; o; gate, up; down"}},
        nameOf(byDefault));
}

InputOrder inputOrder(const Recipe& recipe) {
    if (calibrationNeed(recipe) == CalibrationNeed::None) return InputOrder::Float;
    const MethodInfo& info = methodNamed(recipe.method).value()->info();
    if (findParameter(info, kKey) == nullptr) return InputOrder::Float;
    const std::string& chosen = MethodOptions(info, recipe).text(kKey);
    for (const auto& [name, order] : kNames)
        if (chosen == name) return order;
    return InputOrder::Float;
}

bool inputsAreDefaulted(const Recipe& recipe) {
    return calibrationNeed(recipe) != CalibrationNeed::None && !recipe.parameters.contains(kKey);
}

}  // namespace quantscope
