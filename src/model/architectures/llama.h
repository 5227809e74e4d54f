// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/architectures/architecture.h"

namespace quantscope {

/// Llama 1 to 3, SmolLM2, TinyLlama and what else shares their block (Touvron et al. 2023, arXiv:2302.13971),
/// Mistral among them: RMS norms before attention and feed-forward, rotary positions, grouped queries,
/// SiLU-gated feed-forward; biases only where the configuration asks for them.
Architecture llamaArchitecture();

}  // namespace quantscope
