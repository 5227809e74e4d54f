// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "base/result.h"

namespace quantscope {

constexpr int kMaxJsonDepth = 64;

/// Parses JSON from outside: Malformed for syntax errors (with line and column), invalid UTF-8, a key that
/// appears twice in an object, more than `maxDepth` levels of nesting, and anything after the value. Never
/// throws.
Result<nlohmann::json> parseJson(std::string_view text, int maxDepth = kMaxJsonDepth);

}  // namespace quantscope
