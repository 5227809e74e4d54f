// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "methods/interface/method.h"
#include "methods/interface/variant.h"
#include "quant/scheme/parameter.h"

namespace quantscope {

// One way to edit a recipe, for every face of the program. What these functions return is valid whatever
// layer it meets: the scheme, the method's parameters and what the method asks of a scheme agree. Choices
// that cannot work beside the others are not offered; a value that is refused says what is accepted.

/// The variant that the method's name alone stands for as a text form: its scheme, its activations.
Variant defaultVariant(const MethodInfo& info);

/// The variant with another method. One that is what its own method starts with becomes what the new one
/// starts with. Of any other, bits, mapping and granularity stay where the new method takes them (int3 in
/// groups of 64 becomes GPTQ's int3 in groups of 64), and so do activations that are not the old method's
/// own; the rest is the new method's. Integer execution ends where no integer product takes the result.
/// InvalidArgument lists the methods there are.
Result<Variant> withMethod(Variant variant, const std::string& name);

/// The controls of a variant's weights in drawing order: method, the scheme's where the method uses it, the
/// method's own.
std::vector<ParameterInfo> weightParameters(const Variant& variant);
std::string weightParameter(const Variant& variant, const std::string& key);
/// Other parameters move to the method's default where the new value leaves them no choice. InvalidArgument
/// or Unsupported says what is accepted.
Result<Variant> withWeightParameter(Variant variant, const std::string& key, const std::string& value);

/// The controls of a variant's activations: whether they are quantized, where the range comes from, the
/// scheme's own.
std::vector<ParameterInfo> activationParameters(const Variant& variant);
std::string activationParameter(const Variant& variant, const std::string& key);
Result<Variant> withActivationParameter(Variant variant, const std::string& key, const std::string& value);

/// Why a control of the weights cannot take this value; nothing where it can.
std::optional<Error> whyNot(const Variant& variant, const std::string& key, const std::string& value);

/// What is wrong with a recipe that was written by hand, whatever layer it meets.
struct Objection {
    std::string key;  ///< of the control that mends it
    Error error;
};
std::optional<Objection> objectionTo(const Variant& variant);

}  // namespace quantscope
