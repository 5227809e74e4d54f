// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "model/evaluation/calibrated_layers.h"
#include "model/evaluation/evaluation.h"
#include "model/evaluation/layer_error.h"
#include "model/evaluation/lock_step.h"
#include "model/evaluation/windows.h"
#include "model/forward/head_scorer.h"
#include "model/weights/finished_layers.h"

namespace quantscope {

/// Runs evaluations of one model and keeps, between runs, what the next one can use: packed weights, the
/// reference's rows and the token scores of every variant, also of a run that was stopped half-way.
class Evaluator {
 public:
    Evaluator(const Model& model, const KernelTable& kernels, uint64_t maxBytes, bool keepsReference);

    Result<EvaluationResult> run(const std::vector<int32_t>& tokens, const std::vector<Variant>& variants,
                                 const EvaluationProtocol& protocol, const CalibrationInput& calibration,
                                 const RunPlaces& places, const Job& job, const EvaluationSink& sink);
    /// The layer table of one variant, and one of its layers, on the layers that evaluations have quantized,
    /// with this calibration.
    Result<std::vector<LayerError>> layerErrors(std::span<const int32_t> tokens, const Variant& variant,
                                                int64_t window, const CalibrationInput& calibration,
                                                const Job& job);
    Result<QuantizedLayerPtr> quantized(const Variant& variant, const LinearInfo& layer,
                                        const CalibrationInput& calibration, const Job& job);
    [[nodiscard]] const LayerQuantizer& layers() const { return m_layers.quantizer(); }
    [[nodiscard]] uint64_t bytesKept() const;

 private:
    /// Token scores of one plan against the current reference; the first `windows` windows are done.
    struct Known {
        VariantPlan plan;
        TokenScores scores;
        size_t windows = 0;
    };
    struct Run;

    Status prepare(Run& run);
    Status makeLanes(Run& run);
    Status makeLane(const Run& run, const Variant& variant, Lane& lane);
    Status calibrateFor(const Variant& variant, const CalibrationInput& calibration, const Job& job);
    Status setResume(const Run& run);
    [[nodiscard]] std::vector<size_t> activeFor(const Run& run, size_t window) const;
    [[nodiscard]] EvaluationOrder orderFor(const Run& run) const;
    Status chunkMajor(Run& run);
    Status layerMajor(Run& run);
    Status scoreWindow(Run& run, size_t window, size_t indexInSteps, const std::vector<size_t>& active);
    void publish(Run& run, size_t windows);
    void remember(Run& run);
    void reserveReference();

    const Model& m_model;
    const KernelTable& m_kernels;
    uint64_t m_maxBytes;
    bool m_keepsReference;
    CalibratedLayers m_layers;
    WeightStore m_store;

    // What the kept scores belong to.
    std::vector<int32_t> m_tokens;
    EvaluationProtocol m_protocol;
    std::shared_ptr<FinishedLayers> m_finished;
    WindowedText m_text;
    std::vector<size_t> m_offsets;  ///< of each window in the scores
    ReferenceRows m_reference;
    std::vector<Known> m_known;  ///< the reference first
};

}  // namespace quantscope
