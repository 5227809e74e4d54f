// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

namespace quantscope {

using OrderedJson = nlohmann::ordered_json;  ///< written in the order a person reads

}  // namespace quantscope
