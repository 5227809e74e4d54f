// SPDX-License-Identifier: Apache-2.0
#include "methods/interface/scheme_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "quant/scheme/scheme_controls.h"

namespace quantscope {

const SchemeRule* brokenRule(std::span<const SchemeRule> rules, const Scheme& scheme) {
    for (const SchemeRule& rule : rules) {
        if (!hasSchemeParameter(scheme, rule.key)) continue;
        const std::string value = schemeParameter(scheme, rule.key);
        if (std::ranges::find(rule.accepted, value) == rule.accepted.end()) return &rule;
    }
    return nullptr;
}

Status checkScheme(std::span<const SchemeRule> rules, const Scheme& scheme) {
    const SchemeRule* broken = brokenRule(rules, scheme);
    if (broken == nullptr) return {};
    return fail(broken->refusal);
}

std::vector<SchemeRule> rulesAlongInputs(std::string_view method) {
    return {{"format",
             {"int"},
             {ErrorKind::InvalidArgument,
              fmt::format("{} needs an integer format", method),
              {},
              "format",
              "choose int2 .. int8"}},
            {"granularity",
             {"tensor", "channel", "group"},
             {ErrorKind::Unsupported,
              fmt::format("{} works along the inputs of each output channel", method),
              {},
              "granularity",
              "choose channel, tensor or group=SIZE"}}};
}

std::vector<std::string> rangeKeys() {
    return {"estimator", "percentile-low", "percentile-high", "momentum", "manual-low", "manual-high"};
}

}  // namespace quantscope
