// SPDX-License-Identifier: Apache-2.0
#include "methods/interface/options.h"

#include <fmt/format.h>

#include <cassert>
#include <charconv>
#include <cmath>

#include "methods/registry.h"

namespace quantscope {
namespace {

template <class T>
bool readNumber(std::string_view text, T& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size();
}

Status refuse(const ParameterInfo& parameter, std::string_view value, std::string accepted) {
    return fail(ErrorKind::InvalidArgument, fmt::format("{} = '{}'", parameter.key, value), parameter.key,
                "accepted: " + std::move(accepted));
}

}  // namespace

const ParameterInfo* findParameter(const MethodInfo& info, std::string_view key) {
    for (const ParameterInfo& parameter : info.parameters)
        if (parameter.key == key) return &parameter;
    return nullptr;
}

MethodOptions::MethodOptions(const Recipe& recipe)
    : m_info(methodNamed(recipe.method).value()->info()), m_recipe(recipe) {}

const std::string& MethodOptions::text(std::string_view key) const {
    const auto set = m_recipe.parameters.find(std::string(key));
    if (set != m_recipe.parameters.end()) return set->second;
    const ParameterInfo* parameter = findParameter(m_info, key);
    assert(parameter != nullptr);
    return parameter->defaultValue;
}

double MethodOptions::real(std::string_view key) const {
    double value = 0;
    readNumber(std::string_view(text(key)), value);
    return value;
}

int64_t MethodOptions::integer(std::string_view key) const {
    int64_t value = 0;
    readNumber(std::string_view(text(key)), value);
    return value;
}

Status checkParameter(const ParameterInfo& parameter, std::string_view value) {
    switch (parameter.kind) {
        case ParameterKind::Toggle:
            if (value == "true" || value == "false") return {};
            return refuse(parameter, value, fmt::format("{} or {}=false", parameter.key, parameter.key));
        case ParameterKind::Choice: {
            std::string accepted;
            for (const ParameterChoice& choice : parameter.choices) {
                if (choice.value == value) return {};
                accepted += (accepted.empty() ? "" : ", ") + choice.value;
            }
            return refuse(parameter, value, std::move(accepted));
        }
        case ParameterKind::Integer: {
            int64_t number = 0;
            if (readNumber(value, number) && static_cast<double>(number) >= parameter.minimum &&
                static_cast<double>(number) <= parameter.maximum)
                return {};
            break;
        }
        case ParameterKind::Real: {
            double number = 0;
            if (readNumber(value, number) && number >= parameter.minimum && number <= parameter.maximum)
                return {};
            break;
        }
    }
    return refuse(parameter, value, fmt::format("{} .. {}", parameter.minimum, parameter.maximum));
}

Status checkParameters(const MethodInfo& info, const Recipe& recipe) {
    for (const auto& [key, value] : recipe.parameters) {
        const ParameterInfo* parameter = findParameter(info, key);
        if (parameter == nullptr) {
            std::string accepted;
            for (const ParameterInfo& known : info.parameters)
                accepted += (accepted.empty() ? "accepted: " : ", ") + known.key;
            return fail(ErrorKind::InvalidArgument, fmt::format("{} has no option '{}'", info.name, key),
                        "method", accepted.empty() ? info.name + " has no options" : accepted);
        }
        if (Status valid = checkParameter(*parameter, value); !valid) return valid;
    }
    return {};
}

}  // namespace quantscope
