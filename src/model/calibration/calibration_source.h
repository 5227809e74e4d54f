// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/job.h"
#include "base/result.h"
#include "methods/parts/calibration_statistics.h"
#include "model/model.h"

namespace quantscope {

struct CalibrationOptions;

/// Where methods get what they must know of the inputs of the linear layers: a run over a text, the file of
/// an earlier run, an importance matrix.
class CalibrationSource {
 public:
    virtual ~CalibrationSource() = default;
    /// Of the layer's input. Layers that read the same input get the same object.
    virtual Result<std::shared_ptr<const CalibrationStatistics>> statistics(const LinearInfo& layer,
                                                                            const Job& job) = 0;
    /// The text behind it, for runs through layers that are quantized already; null where there is none.
    [[nodiscard]] virtual const CalibrationOptions* text() const { return nullptr; }
    /// Tells one calibration from another: of the text, or of the file.
    [[nodiscard]] virtual std::string fingerprint() const = 0;
};

}  // namespace quantscope
