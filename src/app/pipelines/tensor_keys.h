// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "analysis/tensor/heatmap.h"
#include "analysis/tensor/value_histogram.h"
#include "app/pipelines/tensor_methods.h"

namespace quantscope {

// Keys of what the Tensor lab's pipeline keeps. Each names everything its result depends on; a matrix is told
// by its tensor's id.

inline size_t hashOf(const HistogramAxis& axis) {
    return hashOfAll(axis.low, axis.high, axis.bins);
}

struct LoadedMatrixKey {
    MatrixSource source;
    Arithmetic arithmetic;  ///< of captured activations
    bool operator==(const LoadedMatrixKey&) const = default;
    [[nodiscard]] size_t hash() const { return hashOfAll(source, arithmetic); }
};

struct TensorStatisticsKey {
    uint64_t tensor = 0;
    Arithmetic arithmetic;
    bool operator==(const TensorStatisticsKey&) const = default;
    [[nodiscard]] size_t hash() const { return hashOfAll(tensor, arithmetic); }
};

/// Which elements of a matrix a result is of.
enum class MatrixPart : uint8_t { All, Sample, Rows };

struct FloatHistogramKey {
    uint64_t tensor = 0;
    MatrixPart part = MatrixPart::All;
    HistogramAxis axis;
    Arithmetic arithmetic;
    bool operator==(const FloatHistogramKey&) const = default;
    [[nodiscard]] size_t hash() const { return hashOfAll(tensor, part, axis, arithmetic); }
};

/// What a method made of a matrix, or of some of its rows.
struct MethodResultKey {
    uint64_t tensor = 0;  ///< the whole matrix' id
    MatrixPart part = MatrixPart::All;
    Variant variant;  ///< what of it matters
    InputsKey inputs;
    Arithmetic arithmetic;
    bool operator==(const MethodResultKey&) const = default;
    [[nodiscard]] size_t hash() const { return hashOfAll(tensor, part, variant, inputs, arithmetic); }
};

struct VariantReportKey {
    MethodResultKey result;
    HistogramAxis axis;
    bool operator==(const VariantReportKey&) const = default;
    [[nodiscard]] size_t hash() const { return hashOfAll(result, axis); }
};

struct ClipCurveKey {
    uint64_t tensor = 0;
    bool statisticsFromSample = false;
    int points = 0;
    Scheme scheme;
    Arithmetic arithmetic;
    bool operator==(const ClipCurveKey&) const = default;
    [[nodiscard]] size_t hash() const {
        return hashOfAll(tensor, statisticsFromSample, points, scheme, arithmetic);
    }
};

struct HeatMapsKey {
    MethodResultKey result;
    MatrixRegion region;
    bool operator==(const HeatMapsKey&) const = default;
    [[nodiscard]] size_t hash() const {
        return hashOfAll(result, region.rowBegin, region.rowEnd, region.colBegin, region.colEnd);
    }
};

struct CaptureKey {
    std::string modelPath;
    std::string textPath;
    Arithmetic arithmetic;
    bool operator==(const CaptureKey&) const = default;
    [[nodiscard]] size_t hash() const { return hashOfAll(modelPath, textPath, arithmetic); }
};

struct RowSampleKey {
    uint64_t tensor = 0;
    int64_t rows = 0;
    bool operator==(const RowSampleKey&) const = default;
    [[nodiscard]] size_t hash() const { return hashOfAll(tensor, rows); }
};

}  // namespace quantscope
