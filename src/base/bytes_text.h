// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace quantscope {

/// "5.1 GiB", "832.0 MiB", "17 B": a size for people, in powers of 1024.
std::string bytesText(uint64_t bytes);

}  // namespace quantscope
