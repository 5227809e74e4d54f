// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "methods/interface/variant.h"

namespace quantscope {

/// A recipe as text: the scheme alone for round to nearest, else the method and, in any order, what differs
/// from the method's own scheme and its options: "gptq/int4/affine/group=64/act-order",
/// "nf4/block=64/double". A toggle is a bare word. "method(key=value,key=value):scheme" of older sessions is
/// read, too, with the scheme relative to the default one.
std::string recipeText(const Recipe& recipe);
Result<Recipe> parseRecipe(std::string_view text);

/// `text` with a backslash before every character of `special`, every backslash, and spaces at its ends.
std::string escaped(std::string_view text, std::string_view special);
std::string unescaped(std::string_view text);
/// Parts between unescaped occurrences of `separator`.
std::vector<std::string_view> splitUnescaped(std::string_view text, std::string_view separator);
/// Without unescaped white space at the ends.
std::string_view trimmed(std::string_view text);

}  // namespace quantscope
