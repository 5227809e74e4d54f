// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/pipelines/tensor_pipeline.h"

// What the parts of TensorPipeline share; only its own sources include this.

namespace quantscope {

/// What a report takes in a cache.
uint64_t bytesOf(const VariantReport& report);

/// Rounding to nearest and the reference are measured where the matrix lies; other methods give a result
/// first.
inline bool isMethod(const Recipe& recipe) {
    return recipe.method != "rtn" && !recipe.scheme.isFloat();
}

/// What depends on the source alone. The sample is made once and serves every preview.
struct TensorPipeline::Loaded {
    LoadedMatrix matrix;
    MatrixView view;
    MatrixSample sample;
};

/// Of the source; channels are missing in what serves the first preview.
struct TensorPipeline::Statistics {
    std::shared_ptr<const TensorStage> stage;
    std::shared_ptr<const ChannelReport> inputChannels;
    std::shared_ptr<const ChannelReport> outputChannels;
    bool fromSample = false;
};

/// One tier of one request: which matrix, what to stop on, what its cache keys begin with.
struct TensorPipeline::Pass {
    const Experiment& experiment;
    const TensorPart& part;
    const TensorView& look;
    const Loaded& loaded;
    const Statistics& statistics;
    MatrixView view;
    MatrixPart elements;  ///< what `view` is of the matrix
    Tier tier;
    Job job;
    HistogramAxis axis;
    Arithmetic arithmetic;

    [[nodiscard]] uint64_t tensor() const { return loaded.matrix.values.id(); }
    [[nodiscard]] MethodSubject subject() const {
        return {part.matrix, part.inputs, experiment.model, loaded.matrix};
    }
};

}  // namespace quantscope
