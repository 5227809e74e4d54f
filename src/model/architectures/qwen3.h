// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/architectures/architecture.h"

namespace quantscope {

/// Qwen3, the dense ones (Yang et al. 2025, arXiv:2505.09388): Llama's block, but each query and key head
/// goes through an RMS norm before it turns, and a head's width does not follow from the hidden width.
Architecture qwen3Architecture();

}  // namespace quantscope
