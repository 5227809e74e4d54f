// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/architectures/architecture.h"

namespace quantscope {

/// Qwen2 and Qwen2.5 (Yang et al. 2024, arXiv:2407.10671): Llama's block, but query, key and value always add
/// a bias, and the attention of later blocks may look back less far.
Architecture qwen2Architecture();

}  // namespace quantscope
