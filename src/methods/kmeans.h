// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "methods/interface/method.h"

namespace quantscope {

/// Weights share 2^b values found by k-means (Han et al., Deep Compression, ICLR 2016; lecture 004): the code
/// is an index, dequantization a lookup, arithmetic stays float. One codebook a tensor or an output channel,
/// stored in F16. "sensitive" weighs each weight's error by the mean square of its input, the diagonal of
/// X^T X (after SqueezeLLM, Kim et al. 2024, which takes the Fisher information).
class KMeans : public Method {
 public:
    [[nodiscard]] const MethodInfo& info() const override;
    [[nodiscard]] Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                               const Job& job) const override;
    [[nodiscard]] double storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const override;
    [[nodiscard]] CodesAnswer elementCodes(const Tensor& weight, const Recipe& recipe,
                                           const LayerResult& result) const override;
    [[nodiscard]] CalibrationNeed needs(const Recipe& recipe) const override;
};

/// The centroids, ascending, with the least weighted sum of squares for `count` <= 8192 values (dynamic
/// programming, exact); for more, Lloyd's algorithm from quantiles. `weights` empty = all 1.
std::vector<double> clusterValues(std::span<const float> values, std::span<const double> weights,
                                  int clusters);

}  // namespace quantscope
