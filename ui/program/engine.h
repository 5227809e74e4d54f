// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shell/session_controller.h"

namespace quantscope {

class TensorPipeline;
class ModelPipeline;

/// The session's engine over the real pipelines, each used by the thread of its lane alone. Both outlive it.
Engine engineOf(TensorPipeline& tensor, ModelPipeline& model);

}  // namespace quantscope
