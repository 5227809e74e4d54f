// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "methods/interface/method.h"

namespace quantscope::test {

/// The weight and inputs of tests/golden/methods/inputs.py, value by value.
class GoldenNumbers {
 public:
    explicit GoldenNumbers(uint64_t seed) : m_state(seed) {}
    double next() {
        int64_t total = 0;
        for (int i = 0; i < 4; ++i) {
            m_state = m_state * 6364136223846793005ULL + 1442695040888963407ULL;
            total += static_cast<int64_t>(m_state >> 48);
        }
        return static_cast<double>(total - 131070) / 32768;
    }

 private:
    uint64_t m_state;
};

inline Tensor goldenWeight(int64_t rows = 16, int64_t cols = 128, uint64_t seed = 1) {
    GoldenNumbers numbers(seed);
    std::vector<float> w(static_cast<size_t>(rows * cols));
    for (size_t i = 0; i < w.size(); ++i) {
        const double value = numbers.next() / 32;
        w[i] = static_cast<float>(i % static_cast<size_t>(cols) == 3 ? 4 * value : value);
    }
    return Tensor::fromFloats({rows, cols}, std::move(w));
}

inline Tensor goldenTokens(int64_t rows = 256, int64_t cols = 128, uint64_t seed = 2) {
    GoldenNumbers numbers(seed);
    std::vector<double> z(static_cast<size_t>(rows * cols));
    for (double& value : z) value = numbers.next();
    std::vector<float> x(z.size());
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < cols; ++c) {
            const auto at = [&](int64_t col) {
                return z[static_cast<size_t>(r * cols + (col + cols) % cols)];
            };
            double value = at(c) + 0.5 * at(c - 1) + 0.25 * at(c - 7);
            if (c == 17) value *= 16;  // an outlier channel
            if (c == 5) value = 0;     // a dead one
            x[static_cast<size_t>(r * cols + c)] = static_cast<float>(value);
        }
    return Tensor::fromFloats({rows, cols}, std::move(x));
}

inline std::shared_ptr<const CalibrationStatistics> calibrationOf(const Tensor& tokens,
                                                                  int64_t sampleRows = 512) {
    CalibrationCollector collector(tokens.cols(), {true, sampleRows, 0});
    collector.add(tokens.matrix());
    return std::make_shared<const CalibrationStatistics>(collector.finish());
}

inline LayerInput goldenLayer() {
    return {"blk.0.ffn_down", goldenWeight(), calibrationOf(goldenTokens())};
}

/// ||X (W - W^)^T||^2 / tokens, in double.
inline double outputErrorOf(const Tensor& tokens, const Tensor& weight, const Tensor& values) {
    double sum = 0;
    for (int64_t t = 0; t < tokens.rows(); ++t)
        for (int64_t r = 0; r < weight.rows(); ++r) {
            double y = 0;
            for (int64_t c = 0; c < weight.cols(); ++c)
                y += static_cast<double>(tokens.matrix().at(t, c)) *
                     (static_cast<double>(weight.matrix().at(r, c)) -
                      static_cast<double>(values.matrix().at(r, c)));
            sum += y * y;
        }
    return sum / static_cast<double>(tokens.rows());
}

}  // namespace quantscope::test
