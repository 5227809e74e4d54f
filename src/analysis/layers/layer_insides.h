// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "methods/interface/trace.h"

namespace quantscope {

/// Largest magnitudes by input channel, before and after a method moved difficulty from inputs to weights.
struct ChannelMaxima {
    std::string before;  ///< "max |x_j|"
    std::string after;   ///< "max |x_j / s_j|"
    std::vector<double> beforeValues;
    std::vector<double> afterValues;
    double largestBefore = 0;
    double largestAfter = 0;
    /// Largest / median over channels: how much the largest one costs the others.
    double spreadBefore = 0;
    double spreadAfter = 0;
};

/// A loss over a method's parameter, and where it is least.
struct LossCurve {
    std::string parameter;  ///< "alpha"
    std::string formula;    ///< of the loss
    std::vector<double> x;
    std::vector<double> loss;
    size_t chosen = 0;     ///< index of the least loss; the first of equal ones, as the search takes it
    double reference = 0;  ///< the loss at the smallest x
    double gain = 0;       ///< 1 - least / reference
};

/// The pictures of a method's insides on one layer.
struct LayerInsides {
    std::optional<ChannelMaxima> inputs;
    std::optional<ChannelMaxima> weights;
    std::optional<LossCurve> loss;
    [[nodiscard]] bool isEmpty() const { return !inputs && !weights && !loss; }
};

/// From the series "inputs before", "inputs after", "weights before", "weights after" and "loss" of the
/// trace (the last one over "alpha"); whatever is missing, of unequal length or without a finite loss is left
/// out.
LayerInsides insidesOf(const Trace& trace);

}  // namespace quantscope
