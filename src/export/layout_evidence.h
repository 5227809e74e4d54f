// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "export/uniform_weight.h"
#include "tensor/tensor.h"

namespace quantscope {

// What the data of a packed layer tell about how it was packed. Weights of trained networks lie around 0, and
// the channels that one layer writes and the next one reads have related sizes; a wrong reading breaks both.

/// How far codes lie from the zero points they are read with, in steps: mean over groups of
/// mean(code) - zero, and its mean square. Near 0 for the right zero points; off by one adds 1 to the mean,
/// zero points of other columns add to the mean square.
struct ZeroEvidence {
    double mean = 0;
    double meanSquare = 0;
};
ZeroEvidence zeroEvidence(const UniformWeight& weight);

/// Variance over output channels and groups of log(scale * standard deviation of the codes): how much the
/// sizes of the groups scatter. Codes read beside scales of other columns scatter more.
double scaleScatter(const UniformWeight& weight);

/// Root mean square of every row, of every column.
std::vector<double> rowSizes(const MatrixView& weight);
std::vector<double> columnSizes(const MatrixView& weight);

/// Pearson's correlation of the logarithms; elements where either is 0 are left out. 0 for fewer than 8.
double logCorrelation(std::span<const double> a, std::span<const double> b);

/// ||w - reference||^2 / ||reference||^2.
double relativeError(const MatrixView& weight, const MatrixView& reference);

}  // namespace quantscope
