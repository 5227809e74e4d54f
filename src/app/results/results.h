// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analysis/layers/layer_insides.h"
#include "analysis/layers/layer_table.h"
#include "analysis/layers/outliers.h"
#include "analysis/layers/sizes.h"
#include "analysis/tensor/channel_report.h"
#include "analysis/tensor/clip_curve.h"
#include "analysis/tensor/heatmap.h"
#include "analysis/tensor/tensor_experiment.h"
#include "analysis/tensor/tensor_report.h"
#include "app/experiment/experiment.h"
#include "app/results/lab_results.h"
#include "model/calibration/capture.h"
#include "model/evaluation/evaluation.h"
#include "tensor/tensor.h"

namespace quantscope {

/// Preview: from a sample, quick, runs to its end. Full: exact, stops when a newer request waits.
enum class Tier : uint8_t { Preview, Full };

/// One variant in the Tensor lab. A variant that failed has an error and no report.
struct TensorVariantResult {
    Variant variant;
    std::string title;
    std::optional<Error> error;
    std::shared_ptr<const VariantReport> report;
    /// Empty points for float; null in a preview of a scheme whose curve is not known yet.
    std::shared_ptr<const ClipCurve> clipCurve;
    /// ||X (W - W^)^T||_F / ||X W^T||_F, expectation under the captured second moments of X (diagonal); NaN
    /// when the tensor's inputs were not captured.
    double outputError = 0;
    /// The method is still running: `report` is null, or of some of the rows.
    bool pending = false;
    double inverseShare = 1;  ///< the "8" of "1/8 of the rows" that `report` is of
};

/// Everything the Tensor lab shows, immutable. Every plot and the table read the same object.
struct TensorResults : LabResults {
    Tier tier = Tier::Full;
    double inverseShare = 1;  ///< the "64" of "1/64 sample"; 1 for Full
    std::string storedAs;     ///< "Q4_1"
    Tensor matrix;            ///< F32, for elementAt() on hover
    std::shared_ptr<const TensorStage> stage;
    HistogramAxis axis;
    std::shared_ptr<const Histogram> floatHistogram;
    std::shared_ptr<const ChannelReport> inputChannels;
    std::shared_ptr<const ChannelReport> outputChannels;
    /// Inputs of this linear layer over the experiment's text, when the tensor belongs to its model.
    std::shared_ptr<const ChannelStatistics> activations;
    /// Layers of the experiment's model whose inputs are as wide as the matrix: what could be captured.
    std::vector<std::string> capturable;
    std::vector<TensorVariantResult> variants;
    int heatmapVariant = 0;  ///< index into variants
    std::shared_ptr<const HeatMapSet> heatMaps;
};

/// Everything the Model lab shows; a new object after every window of text, layer section and so on.
struct ModelResults : LabResults {
    std::string architecture;  ///< "llama · 30 blocks · 576 wide · 49,152 tokens"
    int64_t textTokens = 0;
    EvaluationResult evaluation;   ///< variants empty until the first window
    std::vector<ModelSize> sizes;  ///< one a variant
    /// Texts of the scored tokens (EvaluationResult::tokens), same order.
    std::vector<std::string> tokenTexts;
    std::shared_ptr<const std::vector<LayerRow>> layers;
    int layerVariant = 0;
    std::optional<Error> layersError;
    std::shared_ptr<const OutlierReport> outliers;
    std::string activationLayer;
    std::shared_ptr<const HeatMap> activationMap;  ///< token x channel of log10 |x| + its ends
    /// What the method of `layerVariant` did on `activationLayer`; null for methods without pictures.
    std::shared_ptr<const LayerInsides> insides;
    std::string insidesMethod;  ///< "SmoothQuant"
};

/// Fills what all labs' results share (rows, summary) from what this lab computed.
void summarize(TensorResults& results);
void summarize(ModelResults& results);

}  // namespace quantscope
