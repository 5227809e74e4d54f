// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "quant/scheme/scheme.h"

namespace quantscope {

/// What a method asks of one parameter of its scheme: it must have one of these values. Holds where the
/// scheme has that parameter (a symmetric scheme has no zero point, so nothing is asked of it).
struct SchemeRule {
    std::string key;                    ///< as in schemeParameters(): "granularity"
    std::vector<std::string> accepted;  ///< as text: "channel", "group"
    Error refusal;                      ///< what is said of any other value
};

/// The refusal of the first rule that the scheme breaks.
Status checkScheme(std::span<const SchemeRule> rules, const Scheme& scheme);
/// Null where the scheme keeps all rules.
const SchemeRule* brokenRule(std::span<const SchemeRule> rules, const Scheme& scheme);

/// Methods that work along the inputs of an output channel take integers with one range a tensor, an output
/// channel or a group of inputs. `method` as on screen.
std::vector<SchemeRule> rulesAlongInputs(std::string_view method);

/// The parameters that choose a range, for methods that find it by themselves.
std::vector<std::string> rangeKeys();

}  // namespace quantscope
