// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "app/experiment/model_part.h"
#include "app/experiment/source_library.h"
#include "app/labs/lab.h"
#include "app/pipelines/result_cache.h"
#include "app/results/results.h"
#include "kernels/kernel_set.h"
#include "methods/interface/method.h"
#include "model/evaluation/evaluation_session.h"
#include "model/evaluation/layer_error.h"

namespace quantscope {

/// Runs the model part of an experiment: perplexity of all variants in lock step with an estimate after every
/// window, then the layer table of one variant, outlier features and one layer's activations. Keeps what the
/// next run of the same model and text can use. Lives on one thread (the lane's).
class ModelPipeline {
 public:
    using Deliver = std::function<void(std::shared_ptr<const ModelResults>)>;

    ModelPipeline(SourceLibrary& sources, KernelsInUse kernels, uint64_t cacheBytes = uint64_t{4} << 30);
    ~ModelPipeline();

    /// Delivers many results with `sequence`; the last has complete or error set, unless it was stopped: then
    /// the last one delivered stands. How far it is stands in the results; `progress` hears the same.
    void run(const LabRequest& request, uint64_t sequence, std::stop_token stop, const Deliver& deliver,
             const ProgressSink& progress = {});

    /// Layer tables, captures and insides that were computed so far; those that were found again do not
    /// count.
    [[nodiscard]] uint64_t computations() const { return m_cache.computations(); }

 private:
    struct Run;
    void openSession(const Run& run);
    Status evaluateVariants(Run& run);
    Result<CalibrationInput> calibrationInput(const LabRequest& request);
    Status measureLayers(Run& run);
    Status captureOutliers(Run& run);
    Status lookInside(Run& run);
    Result<LayerRow> layerRow(const Run& run, const LayerError& error, const Variant& variant) const;

    SourceLibrary& m_sources;
    KernelsInUse m_kernels;
    uint64_t m_cacheBytes;
    ResultCache m_cache;
    std::unique_ptr<EvaluationSession> m_session;
    CacheKey m_sessionKey{0};
};

}  // namespace quantscope
