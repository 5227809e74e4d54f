// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "numerics/instruction_sets.h"

namespace quantscope {

/// Of each weight: the code below it, its scale and zero point, and the grid's limits.
struct RoundingPlaces {
    std::vector<float> floors;  ///< floor(w / S + Z), as codes
    std::vector<float> scales;
    std::vector<float> zeros;
    float low = 0;
    float high = 0;

    /// What the weight becomes `up` (0 to 1) above its floor.
    [[nodiscard]] float value(size_t i, float up) const {
        const float code = floors[i] + up;
        return ((code < low ? low : code > high ? high : code) - zeros[i]) * scales[i];
    }
};

/// AdaRound's variables of a run of weights, and Adam's moments of them; see methods/adaround.h. The
/// exponentials are polynomials, right to some 2e-7.
class LearnedRounding {
 public:
    /// Weights first .. first + weights.size() - 1 of `places`, which must outlive it, as `weights`.
    LearnedRounding(const RoundingPlaces& places, int64_t first, std::span<const float> weights, float rate,
                    InstructionSet set = bestInstructionSet());

    /// W~ - W.
    void difference(std::span<float> to) const;
    /// What one step needs beside the gradient.
    struct Step {
        int64_t index = 0;
        float weight = 0;  ///< of the first term
        float lambda = 0;
        float beta = 0;  ///< 0: no second term yet
    };
    /// Adam's step along d||(W~ - W) X||^2 / 2 dW~.
    void descend(const Step& step, std::span<const float> gradients);
    /// 1 where the weight goes up, else 0.
    void decide(std::span<float> up) const;

 private:
    const RoundingPlaces& m_places;
    size_t m_begin;
    std::span<const float> m_weights;
    float m_rate;
    InstructionSet m_set;
    std::vector<float> m_v;
    std::vector<float> m_sigmoid;
    std::vector<float> m_first;
    std::vector<float> m_second;
};

/// Turns single weights of a row round, always the one that lowers d H d^T most, until none does. `up` and
/// `d` = W~ - W belong to the weights from `first` on; `slope` is d H.
void turnRow(const RoundingPlaces& places, size_t first, std::span<float> up, std::span<double> d,
             std::span<double> slope, std::span<const float> hessian);

}  // namespace quantscope
