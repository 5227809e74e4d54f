// SPDX-License-Identifier: Apache-2.0
#include "model/evaluation/evaluation.h"

#include "model/evaluation/evaluation_session.h"
#include "model/evaluation/evaluator.h"

namespace quantscope {

Result<EvaluationResult> evaluate(const Model& model, const std::vector<int32_t>& tokens,
                                  const std::vector<Variant>& variants, const EvaluationProtocol& protocol,
                                  const KernelTable& kernels, const Job& job, const EvaluationSink& sink,
                                  const CalibrationInput& calibration, const RunPlaces& places) {
    Evaluator evaluator(model, kernels, protocol.memoryBudgetBytes, false);
    return evaluator.run(tokens, variants, protocol, calibration, places, job, sink);
}

struct EvaluationSession::Impl {
    std::shared_ptr<const Model> model;
    Evaluator evaluator;
    Impl(std::shared_ptr<const Model> m, const KernelTable& kernels, uint64_t maxBytes)
        : model(std::move(m)), evaluator(*model, kernels, maxBytes, true) {}
};

EvaluationSession::EvaluationSession(std::shared_ptr<const Model> model, const KernelTable& kernels,
                                     uint64_t maxBytes)
    : m_impl(std::make_unique<Impl>(std::move(model), kernels, maxBytes)) {}
EvaluationSession::~EvaluationSession() = default;
EvaluationSession::EvaluationSession(EvaluationSession&&) noexcept = default;
EvaluationSession& EvaluationSession::operator=(EvaluationSession&&) noexcept = default;

Result<EvaluationResult> EvaluationSession::evaluate(const std::vector<int32_t>& tokens,
                                                     const std::vector<Variant>& variants,
                                                     const EvaluationProtocol& protocol, const Job& job,
                                                     const EvaluationSink& sink,
                                                     const CalibrationInput& calibration,
                                                     const RunPlaces& places) {
    return m_impl->evaluator.run(tokens, variants, protocol, calibration, places, job, sink);
}

Result<std::vector<LayerError>> EvaluationSession::layerErrors(std::span<const int32_t> tokens,
                                                               const Variant& variant, int64_t window,
                                                               const CalibrationInput& calibration,
                                                               const Job& job) {
    return m_impl->evaluator.layerErrors(tokens, variant, window, calibration, job);
}

Result<QuantizedLayerPtr> EvaluationSession::quantized(const Variant& variant, const LinearInfo& layer,
                                                       const CalibrationInput& calibration, const Job& job) {
    return m_impl->evaluator.quantized(variant, layer, calibration, job);
}

uint64_t EvaluationSession::computations() const {
    return m_impl->evaluator.layers().computations();
}

const Model& EvaluationSession::model() const {
    return *m_impl->model;
}

uint64_t EvaluationSession::bytesKept() const {
    return m_impl->evaluator.bytesKept();
}

}  // namespace quantscope
