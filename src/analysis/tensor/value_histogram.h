// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/tensor/matrix_quantization.h"
#include "analysis/tensor/tensor_report.h"
#include "base/job.h"
#include "base/result.h"
#include "kernels/kernel_table.h"
#include "tensor/histogram.h"

namespace quantscope {

constexpr int kMaxHistogramBins = 2048;

/// Bins every histogram of one comparison shares, so that bars line up.
struct HistogramAxis {
    float low = 0;
    float high = 0;
    int bins = 256;
    bool operator==(const HistogramAxis&) const = default;
};

/// [min, max] of the float values. With `zoom` in (0, 1): the interval between the percentiles 50 (1 - zoom)
/// and 50 (1 + zoom) instead, for tensors whose outliers would squeeze everything into one bin; the rest is
/// counted as under- and overflow. Always within kMaxHistogramBins.
HistogramAxis histogramAxis(const TensorStage& tensor, int bins, double zoom = 1);

/// Symmetric axis for the histogram of r - r^: half the largest step of any group for the nearest rounding
/// modes, a whole step for the others; errors of clipped elements beyond it are under- and overflow.
HistogramAxis errorAxis(const MatrixQuantization& quantization, int bins);

/// Histogram of the float values on the axis, in parallel. Error: Cancelled.
Result<Histogram> floatHistogram(const MatrixView& matrix, const HistogramAxis& axis,
                                 const KernelTable& kernels, const Job& job);

/// What to draw on the value axis for one group of a variant.
struct GridMarks {
    int64_t group = 0;  ///< index in the layout
    GroupParams params;
    std::vector<float> levels;  ///< representable values, increasing; empty for float and above 8 bits
    float clipLow = 0;          ///< smallest and largest representable value
    float clipHigh = 0;
    bool wholeTensor = false;  ///< there is one group: the marks hold for every element
};

/// Marks of one group (asserted to exist). For float: no levels, limits 0.
GridMarks gridMarks(const MatrixQuantization& quantization, int64_t group);
/// The group to show when nobody chose one: of the median scale.
int64_t typicalGroup(const MatrixQuantization& quantization);

}  // namespace quantscope
