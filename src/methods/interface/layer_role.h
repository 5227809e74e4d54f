// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace quantscope {

/// What a linear layer does in a model. Other: a matrix that stands alone, outside any model.
enum class LayerRole { Other, Query, Key, Value, AttentionOutput, Gate, Up, Down, Head };

/// Query and key products are multiplied with each other (the attention's scores) before anything else sees
/// them.
constexpr bool meetsInScores(LayerRole role) {
    return role == LayerRole::Query || role == LayerRole::Key;
}

}  // namespace quantscope
