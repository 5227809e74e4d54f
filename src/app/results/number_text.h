// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace quantscope {

/// 1234567 is written 1,234,567.
std::string withThousands(uint64_t value);

}  // namespace quantscope
