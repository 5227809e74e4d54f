// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "quant/scheme/scheme.h"

namespace quantscope {

/// Whether schemeParameters(scheme) has the control of this key.
bool hasSchemeParameter(const Scheme& scheme, std::string_view key);

}  // namespace quantscope
