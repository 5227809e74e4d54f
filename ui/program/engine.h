// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shell/session_controller.h"

namespace quantscope {

class TensorPipeline;
class ModelPipeline;
class MatmulPipeline;

/// The session's engine over the real pipelines, each used by the thread of its lane alone. They outlive it;
/// without `matmul` the Matmul lab stays empty.
Engine engineOf(TensorPipeline& tensor, ModelPipeline& model, MatmulPipeline* matmul = nullptr);

}  // namespace quantscope
