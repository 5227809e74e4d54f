// SPDX-License-Identifier: Apache-2.0
#include "model/evaluation/calibrated_layers.h"

#include <algorithm>

namespace quantscope {

Result<bool> CalibratedLayers::calibrate(std::span<const Variant> variants, const CalibrationInput& input,
                                         const std::string& target, const Job& job) {
    CalibrationRequest request{input, target, CalibrationNeed::None};
    for (const Variant& variant : variants) request.need = std::max(request.need, calibrationNeed(variant));
    if (request.need == CalibrationNeed::None && target.empty()) return false;
    const bool same = m_request.input == input && (target.empty() || m_request.target == target);
    if (same && m_request.need >= request.need && m_quantizer.calibration() != nullptr) return false;
    auto source = openCalibration(m_quantizer.model(), m_quantizer.kernels(), request, job);
    if (!source && (source.error().kind == ErrorKind::Cancelled || !target.empty()))
        return fail(source.error());
    m_failure = source ? std::nullopt : std::optional(source.error());
    m_quantizer.setCalibration(source ? std::move(*source) : nullptr);
    m_request = std::move(request);
    return !same;
}

std::optional<Error> CalibratedLayers::failureOf(const Variant& variant) const {
    return calibrationNeed(variant) == CalibrationNeed::None ? std::nullopt : m_failure;
}

}  // namespace quantscope
