// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "model/evaluation/evaluation.h"
#include "model/evaluation/layer_error.h"
#include "model/model.h"
#include "model/weights/layer_quantizer.h"

namespace quantscope {

/// Scores the same text again and again while a scheme changes: keeps the packed weights of layers, the
/// reference's logits and every variant's token scores, so that a run recomputes only what changed. Results
/// are equal to evaluate()'s. One thread at a time.
class EvaluationSession {
 public:
    /// `maxBytes` bounds what is kept between runs; least recently used goes first.
    EvaluationSession(std::shared_ptr<const Model> model, const KernelTable& kernels,
                      uint64_t maxBytes = uint64_t{2} << 30);
    ~EvaluationSession();
    EvaluationSession(EvaluationSession&&) noexcept;
    EvaluationSession& operator=(EvaluationSession&&) noexcept;

    Result<EvaluationResult> evaluate(const std::vector<int32_t>& tokens,
                                      const std::vector<Variant>& variants,
                                      const EvaluationProtocol& protocol, const Job& job,
                                      const EvaluationSink& sink = {},
                                      const CalibrationInput& calibration = {}, const RunPlaces& places = {});

    /// The layer table of one variant (see measureLayerErrors) on the layers that the session has quantized
    /// already, with this calibration.
    Result<std::vector<LayerError>> layerErrors(std::span<const int32_t> tokens, const Variant& variant,
                                                int64_t window, const CalibrationInput& calibration,
                                                const Job& job);
    /// One layer of the variant's, with its trace, likewise.
    Result<QuantizedLayerPtr> quantized(const Variant& variant, const LinearInfo& layer,
                                        const CalibrationInput& calibration, const Job& job);
    /// How often a method has quantized a layer.
    [[nodiscard]] uint64_t computations() const;

    [[nodiscard]] const Model& model() const;
    [[nodiscard]] uint64_t bytesKept() const;

 private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

}  // namespace quantscope
