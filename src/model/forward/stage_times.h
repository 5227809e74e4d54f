// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace quantscope {

/// Where a forward pass spends its time, in seconds of the calling thread's clock.
struct StageTimes {
    double setup = 0;           ///< weights decoded, quantized and laid out
    double products = 0;        ///< linear layers of the blocks
    double attention = 0;       ///< softmax(QK^T)V
    double inputs = 0;          ///< inputs of linear layers quantized
    double elementwise = 0;     ///< norms, rotary embedding, SiLU, residual sums
    double headProduct = 0;     ///< logits
    double headStatistics = 0;  ///< softmax statistics over the vocabulary

    [[nodiscard]] double total() const {
        return setup + products + attention + inputs + elementwise + headProduct + headStatistics;
    }
    StageTimes& operator+=(const StageTimes& other) {
        setup += other.setup;
        products += other.products;
        attention += other.attention;
        inputs += other.inputs;
        elementwise += other.elementwise;
        headProduct += other.headProduct;
        headStatistics += other.headStatistics;
        return *this;
    }
};

/// Adds the time it lives to a stage.
class StageTimer {
 public:
    explicit StageTimer(double& seconds) : m_seconds(seconds) {}
    ~StageTimer() {
        m_seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - m_start).count();
    }
    StageTimer(const StageTimer&) = delete;
    StageTimer& operator=(const StageTimer&) = delete;

 private:
    double& m_seconds;
    std::chrono::steady_clock::time_point m_start = std::chrono::steady_clock::now();
};

}  // namespace quantscope
