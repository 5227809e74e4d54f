// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "methods/interface/method.h"

namespace quantscope {

/// All methods, in the order they are offered. A new method is its file pair and a line in registry.cpp.
std::span<const Method* const> allMethods();
/// By MethodInfo::name; InvalidArgument lists the names there are.
Result<const Method*> methodNamed(std::string_view name);

}  // namespace quantscope
