// SPDX-License-Identifier: Apache-2.0
#pragma once

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

}  // namespace quantscope
