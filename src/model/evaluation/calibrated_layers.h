// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/job.h"
#include "base/result.h"
#include "model/calibration/calibration_request.h"
#include "model/weights/layer_quantizer.h"

namespace quantscope {

/// A layer quantizer with the calibration that variants ask for: made when one of them needs it, kept as long
/// as nothing about it changes.
class CalibratedLayers {
 public:
    CalibratedLayers(const Model& model, const KernelTable& kernels, uint64_t maxBytes)
        : m_quantizer(model, kernels, maxBytes) {}

    /// For these variants. `target`: where it is to be saved, empty = nowhere. True when it is another one
    /// than before. A calibration that cannot be made is the failure of the variants that need it, not this
    /// one's, unless it was to be saved or was stopped.
    Result<bool> calibrate(std::span<const Variant> variants, const CalibrationInput& input,
                           const std::string& target, const Job& job);
    /// Why the variant lacks the calibration it needs.
    [[nodiscard]] std::optional<Error> failureOf(const Variant& variant) const;

    [[nodiscard]] LayerQuantizer& quantizer() { return m_quantizer; }
    [[nodiscard]] const LayerQuantizer& quantizer() const { return m_quantizer; }

 private:
    LayerQuantizer m_quantizer;
    CalibrationRequest m_request;
    std::optional<Error> m_failure;
};

}  // namespace quantscope
