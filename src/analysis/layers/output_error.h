// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "analysis/tensor/error_report.h"

namespace quantscope {

/// Relative error of a linear layer's output expected from per-channel second moments of its input:
/// sqrt(sum_j m_j e_j / sum_j m_j s_j), m_j = E[x_j^2], e_j = ||W_:j - W^_:j||^2, s_j = ||W_:j||^2. Equals
/// ||X (W - W^)^T||_F / ||X W^T||_F when input channels are uncorrelated (the diagonal of GPTQ's Hessian).
/// NaN when sizes differ, 0 for 0/0.
double expectedOutputError(const ErrorReport& errors, std::span<const double> meanSquare);

}  // namespace quantscope
