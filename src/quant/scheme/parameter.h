// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace quantscope {

/// What kind of control a parameter wants.
enum class ParameterKind { Choice, Integer, Real, Toggle };

/// One option of a Choice parameter.
struct ParameterChoice {
    std::string value;  ///< as in text forms
    std::string label;  ///< as on screen
    std::string help;   ///< formula and source
};

/// Describes a parameter well enough to draw its control and to check its value. GUI and CLI share it.
struct ParameterInfo {
    std::string key;    ///< stable, as in text forms and sessions
    std::string label;  ///< as on screen: "Group size"
    std::string help;   ///< formula, meaning, source
    ParameterKind kind = ParameterKind::Choice;
    std::vector<ParameterChoice>
        choices;         ///< Choice; for Integer, optional preferred stops (bits: 2,3,4,5,6,7,8,16)
    double minimum = 0;  ///< Integer, Real
    double maximum = 0;
    double step = 0;           ///< 0 = continuous
    bool logarithmic = false;  ///< slider spacing
    std::string defaultValue;
    bool slider = false;  ///< worth a slider (bits, clip limits), otherwise a field
};

// Shorthand for the tables of parameters. A real one is worth a slider, an integer one steps by 1.
ParameterInfo realParameter(std::string key, std::string label, std::string help, double minimum,
                            double maximum, std::string defaultValue, bool logarithmic = false);
ParameterInfo integerParameter(std::string key, std::string label, std::string help, int64_t minimum,
                               int64_t maximum, std::string defaultValue);
ParameterInfo toggleParameter(std::string key, std::string label, std::string help,
                              bool defaultValue = false);
ParameterInfo choiceParameter(std::string key, std::string label, std::string help,
                              std::vector<ParameterChoice> choices, std::string defaultValue);

}  // namespace quantscope
