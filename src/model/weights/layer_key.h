// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "methods/interface/input_order.h"
#include "methods/interface/variant.h"
#include "model/evaluation/variant_plan.h"
#include "numerics/instruction_sets.h"

namespace quantscope {

/// What the inputs of a layer have come through, where its statistics come after the layers before it were
/// quantized: the embedding and the first `count` layers of a plan, with what becomes of their inputs.
struct QuantizedPast {
    std::shared_ptr<const VariantPlan> plan;
    size_t count = 0;
    /// Fingerprint of the text that static inputs among them have their ranges from; empty where none is
    /// static.
    std::string ranges;
    /// By what the plans say, not by which they are.
    bool operator==(const QuantizedPast& other) const;
};

/// Everything that a layer's codes depend on: the key they are remembered by.
struct LayerKey {
    std::string layer;
    Recipe recipe;        ///< see keyRecipe()
    std::string model;    ///< fingerprint; empty for round to nearest, which is never kept in a file
    std::string kernels;  ///< name of the table: sums of floats differ between machines
    InstructionSet instructionSet = bestInstructionSet();  ///< of the methods' own sums, likewise
    std::string calibration;                               ///< fingerprint; empty where the recipe needs none
    QuantizedPast past;                                    ///< without a plan: the float model's inputs
    bool operator==(const LayerKey&) const = default;
};

/// The recipe as far as it decides the codes: executed as fake quantization, with the order of the inputs
/// that it asks for, or by default has, written out - but for the float model's, which is not.
Recipe keyRecipe(Recipe recipe, InputOrder order);

/// The key as files of finished layers have it. The text is a part of their format: what it said once it says
/// for ever. The instruction set is that of the kernel table.
std::string fileText(const LayerKey& key);

}  // namespace quantscope
