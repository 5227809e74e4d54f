// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "methods/interface/variant.h"
#include "quant/scheme/parameter.h"

namespace quantscope {

/// The controls of a variant's weights in drawing order: method, the scheme's own, the method's
/// own.
std::vector<ParameterInfo> weightParameters(const Variant& variant);
std::string weightParameter(const Variant& variant, const std::string& key);
/// InvalidArgument says what is accepted.
Result<Variant> withWeightParameter(Variant variant, const std::string& key, const std::string& value);

/// The controls of a variant's activations: whether they are quantized, where the range comes from, the
/// scheme's own.
std::vector<ParameterInfo> activationParameters(const Variant& variant);
std::string activationParameter(const Variant& variant, const std::string& key);
Result<Variant> withActivationParameter(Variant variant, const std::string& key, const std::string& value);

}  // namespace quantscope
