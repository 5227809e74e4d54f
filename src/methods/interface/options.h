// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "methods/interface/method.h"

namespace quantscope {

/// Reads a recipe's parameters against the method's descriptions: what is not set has its default. The
/// recipe must have passed checkParameters().
class MethodOptions {
 public:
    MethodOptions(const MethodInfo& info, const Recipe& recipe) : m_info(info), m_recipe(recipe) {}
    /// Against the description of the recipe's own method, which must be one of the registry.
    explicit MethodOptions(const Recipe& recipe);

    [[nodiscard]] double real(std::string_view key) const;
    [[nodiscard]] int64_t integer(std::string_view key) const;
    [[nodiscard]] bool toggle(std::string_view key) const { return text(key) == "true"; }
    [[nodiscard]] const std::string& text(std::string_view key) const;

 private:
    const MethodInfo& m_info;
    const Recipe& m_recipe;
};

/// Every parameter is one of the method's, with a value in its range. InvalidArgument says what is accepted.
Status checkParameters(const MethodInfo& info, const Recipe& recipe);
/// One of them.
Status checkParameter(const ParameterInfo& parameter, std::string_view value);
/// Null if the method has no such parameter.
const ParameterInfo* findParameter(const MethodInfo& info, std::string_view key);

}  // namespace quantscope
