// SPDX-License-Identifier: Apache-2.0
#include "analysis/layers/layer_row.h"

#include "methods/interface/variant_text.h"

namespace quantscope {

Result<LayerRow> measuredRow(const LayerError& error, const MatrixView& weight, const Recipe& recipe,
                             const KernelTable& kernels) {
    const bool isPlain = recipe.method == "rtn" && recipe.parameters.empty();
    auto row = weightRow(error.layer, weight, isPlain ? recipe.scheme : floatScheme(), kernels, {});
    if (!row) return row;
    row->localError = error.localError;
    row->accumulatedError = error.accumulatedError;
    row->inputError = error.inputError;
    if (isPlain || recipe.scheme.isFloat()) return row;
    row->scheme = recipeText(recipe);
    row->weight = metricsOf(error.weight);
    row->weight.bitsPerWeight = error.bitsPerWeight;
    row->bytes = error.bytes;
    return row;
}

}  // namespace quantscope
