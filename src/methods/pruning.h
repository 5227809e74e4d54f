// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "methods/interface/method.h"

namespace quantscope {

/// Removes weights, alone or before rounding to nearest:
/// magnitude: the smallest |w| of the layer (Han et al. 2015);
/// Wanda: the smallest |w_ij| ||X_j||_2 of each output channel (Sun et al., ICLR 2024);
/// SparseGPT: the smallest w^2 / U_jj^2 of each 128 columns, with GPTQ's compensation (Frantar and Alistarh,
/// ICML 2023). "2:4" keeps two of every four consecutive inputs of an output channel.
/// Stored: the weights that are left (F16, or codes with their scales) and a mask: a bit each, or for 2:4 two
/// bits for each that is left.
class Pruning : public Method {
 public:
    enum class Rule { Magnitude, Wanda, SparseGpt };
    explicit Pruning(Rule rule);
    [[nodiscard]] const MethodInfo& info() const override { return m_info; }
    [[nodiscard]] Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                               const Job& job) const override;
    [[nodiscard]] double storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const override;

    [[nodiscard]] bool usesScheme(const Recipe& recipe) const override;

 private:
    Rule m_rule;
    MethodInfo m_info;
};

}  // namespace quantscope
