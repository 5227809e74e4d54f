// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "tensor/tensor.h"

namespace quantscope {

/// LLM.int8() (Dettmers et al. 2022, section 4): a hidden dimension is an outlier feature when it has a value
/// of magnitude >= threshold in at least layerShare of the layers, and such values occur in at least
/// tokenShare of the sequence positions, counted over all layers.
struct OutlierCriterion {
    double threshold = 6;
    double layerShare = 0.25;
    double tokenShare = 0.06;
    bool operator==(const OutlierCriterion&) const = default;
};

/// What is kept of the input of one linear layer: per channel, mergeable over windows of text.
struct ActivationStatistics {
    std::string layer;  ///< "blk.3.ffn_down"
    /// Layers that read the same hidden dimensions share a family ("ffn_down", "residual"); the criterion is
    /// applied within a family.
    std::string family;
    bool repeatsInput = false;  ///< its input is that of a layer listed before it: counted once
    int block = 0;
    double threshold = 6;
    int64_t tokens = 0;
    std::vector<float> absMax;         ///< per channel
    std::vector<int64_t> largeTokens;  ///< per channel: tokens with |x| >= threshold
    std::vector<double> sumOfSquares;  ///< per channel

    [[nodiscard]] int64_t channels() const { return static_cast<int64_t>(absMax.size()); }
    /// Adds activations [tokens x channels] (asserted to fit, unless this is empty).
    void add(const MatrixView& activations);
    void merge(const ActivationStatistics& other);
};

/// A channel of one layer that looks like an outlier, or a feature across layers.
struct OutlierFeature {
    int64_t channel = 0;
    double absMax = 0;
    double layerShare = 0;  ///< layers with at least one large value
    double tokenShare = 0;  ///< positions (over all layers) with a large value
};

/// What a family's layers say together.
struct OutlierFamily {
    std::string family;
    int64_t channels = 0;
    int64_t layers = 0;
    std::vector<OutlierFeature> features;  ///< those that fulfil the criterion, by decreasing absMax
};

/// One row a layer: what the source tree's dot and the layer table show.
struct LayerOutliers {
    std::string layer;
    double absMax = 0;
    int64_t absMaxChannel = 0;
    double medianAbsMax = 0;    ///< over channels
    int64_t largeChannels = 0;  ///< channels with any |x| >= threshold
    int64_t frequentChannels =
        0;  ///< channels with |x| >= threshold in at least tokenShare of this layer's tokens
    std::vector<OutlierFeature> top;  ///< channels with the largest absMax, at most 32 (layerShare unused)
};

struct OutlierReport {
    OutlierCriterion criterion;
    std::vector<OutlierFamily> families;
    std::vector<LayerOutliers> layers;  ///< in the order given
};

OutlierReport findOutliers(std::span<const ActivationStatistics> layers, const OutlierCriterion& criterion);

}  // namespace quantscope
