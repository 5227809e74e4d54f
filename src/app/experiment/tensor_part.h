// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "analysis/tensor/heatmap.h"
#include "app/experiment/experiment.h"

namespace quantscope {

/// What the Tensor lab looks at, and how it is measured.
struct TensorPart {
    static constexpr const char* kLab = "tensor";
    MatrixSource matrix;
    int histogramBins = 256;
    int clipCurvePoints = 96;
    /// Inputs of the matrix [tokens x in], for methods that must know them and for the output error; none:
    /// those of the model, when the matrix is one of its layers. A synthetic source without "/cols=" gets as
    /// many columns as the matrix.
    std::optional<MatrixSource> inputs = {};
    bool operator==(const TensorPart&) const = default;
};

/// Where a person looks in it.
struct TensorView {
    static constexpr const char* kLab = "tensor";
    int heatmapVariant = 1;  ///< index of the variant the heat maps and the clip curve show
    MatrixRegion heatmapRegion;
    bool operator==(const TensorView&) const = default;
};

}  // namespace quantscope
