// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/experiment/experiment.h"
#include "app/experiment/source_library.h"
#include "model/model.h"

namespace quantscope {

/// One matrix that the Matmul lab offers for a side of the product.
struct MatmulChoice {
    std::string label;  ///< "worked example 7", "blk.3.ffn_down"
    MatrixSource source;
    bool inputsByOutputs = false;  ///< of a weight
    int64_t inputs = 0;            ///< K, where it is known beforehand; 0 otherwise
};

/// What can be multiplied: x[i] and w[i] belong together as long as both lists have them (the worked
/// examples, then each linear layer's captured input and its weight); generated matrices follow that fit the
/// other side's K.
struct MatmulChoices {
    std::vector<MatmulChoice> x;
    std::vector<MatmulChoice> w;
};

/// `samples` may be null. `depth`: K of the product on screen, 0 = none.
MatmulChoices matmulChoices(const Samples* samples, const ModelSource& model,
                            std::span<const LinearInfo> layers, int64_t depth);

/// The source with choice `index` as X (or W). The other side stays where it fits (the same K), else it
/// becomes the partner.
MatmulSource withX(const MatmulSource& source, const MatmulChoices& choices, size_t index);
MatmulSource withW(const MatmulSource& source, const MatmulChoices& choices, size_t index);

/// Where the source's sides are in the lists; nullopt for others, such as a tensor chosen in the tree.
std::optional<size_t> indexOfX(const MatmulChoices& choices, const MatmulSource& source);
std::optional<size_t> indexOfW(const MatmulChoices& choices, const MatmulSource& source);

/// What choosing `chosen` in the source tree means for the product: a linear layer's weight or its captured
/// input brings its partner, everything else becomes W (tensors) or X (activations, generated matrices).
MatmulSource withChosen(const MatmulSource& source, const MatrixSource& chosen, const ModelSource& model,
                        std::span<const LinearInfo> layers);

}  // namespace quantscope
