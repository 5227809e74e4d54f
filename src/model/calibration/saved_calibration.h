// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "io/checkpoint.h"
#include "model/calibration/calibration.h"
#include "model/calibration/calibration_source.h"

namespace quantscope {

/// Calibration statistics in a file, to be used again without the text's run: safetensors with
/// "blk.B.INPUT.FIELD", INPUT the input point's name (attn, attn_output, ffn, ffn_down), FIELD one of
///   counts I64 [3] (tokens, rejected rows, rows of the sample that are filled), abs_max, minimum, maximum
///   F32 [in], mean_abs, mean_square F64 [in], hessian F32 [in x in] (X^T X / tokens; where it was gathered),
///   sample F32 [rows x in];
/// metadata: format "quantscope calibration 1", fingerprints of model and text, window.

/// Runs the calibration as far as it has not run, and writes all of it, atomically. One block's statistics
/// are in memory at a time beside those the calibration keeps; where it cannot keep all, the text is run
/// twice.
Status saveCalibration(Calibration& calibration, const Model& model, const std::filesystem::path& target,
                       const Job& job);

/// Reads that file: maps it, and checks a block's numbers when they are asked for.
class SavedCalibration final : public CalibrationSource {
 public:
    /// `text`: the calibration text, when it is at hand, too. Malformed: no such file, or one that
    /// contradicts itself; InvalidArgument, naming the field: another model, another text.
    static Result<std::shared_ptr<SavedCalibration>> open(std::shared_ptr<const Checkpoint> file,
                                                          const Model& model,
                                                          std::optional<CalibrationOptions> text = {});
    /// The same for the model with that fingerprint.
    static Result<std::shared_ptr<SavedCalibration>> open(std::shared_ptr<const Checkpoint> file,
                                                          const std::string& modelFingerprint,
                                                          std::optional<CalibrationOptions> text = {});

    Result<std::shared_ptr<const CalibrationStatistics>> statistics(const LinearInfo& layer,
                                                                    const Job& job) override;
    [[nodiscard]] const CalibrationOptions* text() const override { return m_text ? &*m_text : nullptr; }
    [[nodiscard]] std::string fingerprint() const override { return m_fingerprint; }

 private:
    Result<Tensor> field(const std::string& input, const char* name, DType dtype, const Shape& shape) const;
    Result<CalibrationStatistics> read(const std::string& input, int64_t width) const;

    std::shared_ptr<const Checkpoint> m_file;
    std::optional<CalibrationOptions> m_text;
    std::string m_fingerprint;
    // The block asked for last: its layers share their statistics, and what methods leave beside them.
    int64_t m_block = -1;
    BlockStatistics m_statistics;
};

}  // namespace quantscope
