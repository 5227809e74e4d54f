// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "kernels/float_gemm.h"
#include "kernels/kernel_table.h"
#include "methods/parts/calibration_statistics.h"
#include "model/calibration/calibration_source.h"
#include "model/forward/block_runner.h"
#include "model/forward/rotary_table.h"
#include "model/model.h"

namespace quantscope {

/// The text a model is calibrated on, and what is kept of it.
struct CalibrationOptions {
    std::vector<int32_t> tokens;  ///< cut into windows; a shorter last one is used, too
    int64_t window = 512;
    bool hessian = true;       ///< gather X^T X
    int64_t sampleRows = 512;  ///< rows of each input that are kept
    uint64_t seed = 0;
    uint64_t maxBytes = uint64_t{1} << 30;  ///< of finished statistics that are kept
};

/// Of a block's inputs, by input point.
using BlockStatistics = std::vector<std::shared_ptr<const CalibrationStatistics>>;

/// Gathers them from a run's tap.
class CalibrationCollectors {
 public:
    /// Of a block with so many input points.
    CalibrationCollectors(const CalibrationOptions& options, size_t points)
        : m_request{options.hessian, options.sampleRows, options.seed}, m_points(points) {}
    /// One reader of each input is enough: the others are passed over.
    void see(const LinearInfo& layer, TapPoint point, const MatrixView& values);
    /// Replaces what was seen in `statistics` (as many as points).
    void finish(BlockStatistics& statistics) const;

 private:
    CalibrationCollector::Request m_request;
    std::vector<std::optional<CalibrationCollector>> m_points;
};

/// Whether the text can be run: it has tokens, all in the vocabulary.
Status checkCalibrationText(const Model& model, const CalibrationOptions& options);
/// For layers that no calibration covers: the head.
Error outsideCalibration(const LinearInfo& layer);

/// Statistics of the inputs of every linear layer of the blocks, gathered from the float model's run over the
/// calibration text, layer-major: the hidden states of all windows stay, one block's weights are in memory at
/// a time. Blocks are run when they are asked for; asking in running order costs one pass, asking again for a
/// block that was dropped for space starts over. One thread at a time.
class Calibration final : public CalibrationSource {
 public:
    Calibration(const Model& model, const KernelTable& kernels, CalibrationOptions options);
    ~Calibration() override;

    /// Unsupported for the head and the embedding; InvalidArgument for an empty text or ids outside the
    /// vocabulary; Cancelled.
    Result<std::shared_ptr<const CalibrationStatistics>> statistics(const LinearInfo& layer,
                                                                    const Job& job) override;
    [[nodiscard]] const CalibrationOptions* text() const override { return &m_options; }
    [[nodiscard]] std::string fingerprint() const override;

    [[nodiscard]] const CalibrationOptions& options() const { return m_options; }

 private:
    Status start(const Job& job);
    Status runBlock(const Job& job);
    void keep(int64_t block, BlockStatistics statistics);
    [[nodiscard]] const BlockStatistics* find(int64_t block) const;

    const Model& m_model;
    const KernelTable& m_kernels;
    CalibrationOptions m_options;
    std::unique_ptr<BlockRunner> m_runner;
    std::optional<RotaryTable> m_rotary;
    std::vector<float> m_hidden;                            ///< [tokens x hidden], the input of block m_next
    int64_t m_next = -1;                                    ///< -1 = not started
    std::list<std::pair<int64_t, BlockStatistics>> m_kept;  ///< oldest first
    uint64_t m_bytes = 0;
};

/// The product that the methods run on: a packed copy of b, then the library's product.
ProductFunction productOf(const FloatGemm& gemm);

}  // namespace quantscope
