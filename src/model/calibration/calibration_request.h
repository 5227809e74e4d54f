// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/job.h"
#include "base/result.h"
#include "kernels/kernel_table.h"
#include "methods/interface/method.h"
#include "methods/interface/recipe_needs.h"
#include "model/calibration/calibration_input.h"
#include "model/calibration/calibration_source.h"

namespace quantscope {

/// Where an evaluation's calibration comes from and goes to.
struct CalibrationRequest {
    CalibrationInput input;
    std::string target = {};  ///< see RunPlaces::calibrationTarget
    CalibrationNeed need = CalibrationNeed::None;

    /// All but `need`.
    [[nodiscard]] bool sameInputs(const CalibrationRequest& other) const {
        return input == other.input && target == other.target;
    }
};

/// What the recipe of the variant that must know most of the layers' inputs must know.
CalibrationNeed calibrationNeed(const Variant& variant);

/// The file, or a run over the text, which is saved first where that is asked for; null when neither was
/// given. InvalidArgument: saving without a text.
Result<std::shared_ptr<CalibrationSource>> openCalibration(const Model& model, const KernelTable& kernels,
                                                           const CalibrationRequest& request, const Job& job);

}  // namespace quantscope
