// SPDX-License-Identifier: Apache-2.0
#include "quant/scheme/parameter.h"

#include <utility>

namespace quantscope {
namespace {

ParameterInfo parameterOf(std::string key, std::string label, std::string help, ParameterKind kind,
                          std::string defaultValue) {
    ParameterInfo info;
    info.key = std::move(key);
    info.label = std::move(label);
    info.help = std::move(help);
    info.kind = kind;
    info.defaultValue = std::move(defaultValue);
    return info;
}

}  // namespace

ParameterInfo realParameter(std::string key, std::string label, std::string help, double minimum,
                            double maximum, std::string defaultValue, bool logarithmic) {
    ParameterInfo info = parameterOf(std::move(key), std::move(label), std::move(help), ParameterKind::Real,
                                     std::move(defaultValue));
    info.minimum = minimum;
    info.maximum = maximum;
    info.logarithmic = logarithmic;
    info.slider = true;
    return info;
}

ParameterInfo integerParameter(std::string key, std::string label, std::string help, int64_t minimum,
                               int64_t maximum, std::string defaultValue) {
    ParameterInfo info = parameterOf(std::move(key), std::move(label), std::move(help),
                                     ParameterKind::Integer, std::move(defaultValue));
    info.minimum = static_cast<double>(minimum);
    info.maximum = static_cast<double>(maximum);
    info.step = 1;
    return info;
}

ParameterInfo toggleParameter(std::string key, std::string label, std::string help, bool defaultValue) {
    return parameterOf(std::move(key), std::move(label), std::move(help), ParameterKind::Toggle,
                       defaultValue ? "true" : "false");
}

ParameterInfo choiceParameter(std::string key, std::string label, std::string help,
                              std::vector<ParameterChoice> choices, std::string defaultValue) {
    ParameterInfo info = parameterOf(std::move(key), std::move(label), std::move(help), ParameterKind::Choice,
                                     std::move(defaultValue));
    info.choices = std::move(choices);
    return info;
}

}  // namespace quantscope
