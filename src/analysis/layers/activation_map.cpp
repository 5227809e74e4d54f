// SPDX-License-Identifier: Apache-2.0
#include "analysis/layers/activation_map.h"

#include <algorithm>
#include <cmath>

namespace quantscope {

Result<HeatMap> activationMap(const MatrixView& activations, const Job& job) {
    constexpr float kFloor = 1e-4F;
    auto map = heatMap(activations, {}, Pooling::MaxAbs, job);
    if (!map || map->values.empty()) return map;
    for (float& value : map->values) value = std::log10(std::max(std::abs(value), kFloor));
    const auto [low, high] = std::minmax_element(map->values.begin(), map->values.end());
    map->minimum = *low;
    map->maximum = *high;
    map->typicalMagnitude = std::max(std::abs(*low), std::abs(*high));
    return map;
}

}  // namespace quantscope
