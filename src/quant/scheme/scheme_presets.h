// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "quant/scheme/scheme.h"

namespace quantscope {

/// The preset of this name, or null.
const SchemePreset* findSchemePreset(std::string_view name);

/// The first preset whose convention `scheme` follows: everything but bits, granularity, sizes and the range
/// estimator, which a user changes freely; a GGUF block format also fixes those. Null = a convention of its
/// own.
const SchemePreset* presetFollowedBy(const Scheme& scheme);

/// `scheme` with the convention of `preset`, keeping what the convention leaves free.
Scheme withPreset(const Scheme& scheme, const SchemePreset& preset);

}  // namespace quantscope
