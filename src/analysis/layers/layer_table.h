// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "analysis/tensor/metrics.h"
#include "base/job.h"
#include "base/result.h"
#include "kernels/kernel_table.h"
#include "quant/scheme/scheme.h"
#include "tensor/tensor.h"

namespace quantscope {

/// One linear layer under one variant. NaN = not measured.
struct LayerRow {
    std::string name;  ///< "blk.3.ffn_down"
    int64_t rows = 0;  ///< output channels
    int64_t cols = 0;  ///< input channels
    std::string scheme;
    Metrics weight;  ///< of the weights
    double weightKurtosis = 0;
    double weightAbsMax = 0;
    double localError = std::numeric_limits<double>::quiet_NaN();  ///< ||Y - Y^||_F / ||Y||_F on float inputs
    double accumulatedError =
        std::numeric_limits<double>::quiet_NaN();  ///< the same, inputs of the quantized model
    /// Inputs of the quantized model against the float model's: what arrives already broken.
    double inputError = std::numeric_limits<double>::quiet_NaN();
    double activationAbsMax = std::numeric_limits<double>::quiet_NaN();
    int64_t outlierChannels = 0;  ///< input channels with |x| >= 6 (0 when not measured)
    uint64_t bytes = 0;           ///< of the quantized weight
};

/// Weight columns of one row: error of `scheme` on the matrix (a plain round-to-nearest quantization).
/// Errors: as quantize.
Result<LayerRow> weightRow(const std::string& name, const MatrixView& weight, const Scheme& scheme,
                           const KernelTable& kernels, const Job& job);

/// Columns a table can show and sort by.
enum class LayerColumn : uint8_t {
    Position,
    Name,
    BitsPerWeight,
    WeightSqnr,
    WeightMse,
    RelativeWeightError,
    LocalError,
    AccumulatedError,
    Kurtosis,
    AbsMax,
    ActivationAbsMax,
    OutlierChannels,
    Bytes
};
struct LayerColumnInfo {
    LayerColumn column;
    std::string key;
    std::string label;
    std::string unit;
    std::string help;
};
std::span<const LayerColumnInfo> layerColumns();
/// The number in a column (Position and Name: the row's index, given).
double layerValue(const LayerRow& row, LayerColumn column, int64_t position);

/// Row order for a column; stable, NaN last.
std::vector<int64_t> sortedRows(std::span<const LayerRow> rows, LayerColumn column, bool descending);

}  // namespace quantscope
