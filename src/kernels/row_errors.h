// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "kernels/integer_gemm.h"

namespace quantscope {

/// The errors of quantizeRows, wherever it runs.
Status checkStaticRange(const std::optional<StaticRange>& fixed);
Error rowNotFinite(int64_t row);

}  // namespace quantscope
