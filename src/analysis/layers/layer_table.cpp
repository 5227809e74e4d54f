// SPDX-License-Identifier: Apache-2.0
#include "analysis/layers/layer_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "analysis/tensor/matrix_quantization.h"
#include "kernels/matrix_passes.h"
#include "tensor/statistics.h"

namespace quantscope {

Result<LayerRow> weightRow(const std::string& name, const MatrixView& weight, const Scheme& scheme,
                           const KernelTable& kernels, const Job& job) {
    LayerRow row;
    row.name = name;
    row.rows = weight.rows;
    row.cols = weight.cols;
    row.scheme = schemeText(scheme);
    auto moments = momentsOf(weight, job.part(0, 0.3));
    if (!moments) return fail(moments.error());
    row.weightKurtosis = moments->kurtosis();
    row.weightAbsMax = static_cast<double>(moments->absMax());
    auto quantization = chooseQuantization(weight, scheme, kernels, job.part(0.3, 0.6));
    if (!quantization) return fail(quantization.error());
    row.bytes = quantization->totalBytes;
    if (!scheme.isFloat() && weight.size() > 0) {
        auto split =
            errorSplitMatrix(weight, scheme, quantization->groups, kernels.elementwise, job.part(0.6, 1));
        if (!split) return fail(split.error());
        row.weight = metricsOf(*split);
    } else {
        row.weight.sqnrDb = std::numeric_limits<double>::infinity();
    }
    row.weight.bitsPerWeight = quantization->bitsPerWeight;
    return row;
}

std::span<const LayerColumnInfo> layerColumns() {
    using C = LayerColumn;
    static const std::array<LayerColumnInfo, 13> columns{{
        {C::Position, "position", "#", "", "order in which the model runs its layers"},
        {C::Name, "name", "Layer", "", "block and projection"},
        {C::BitsPerWeight, "bitsPerWeight", "bits / weight", "", "codes, scales, zero points and padding"},
        {C::WeightSqnr, "weightSqnr", "weight SQNR", "dB", "10 log10( Σ w² / Σ (w − ŵ)² )"},
        {C::WeightMse, "weightMse", "weight MSE", "", "Σ (w − ŵ)² / n"},
        {C::RelativeWeightError, "weightError", "weight error", "share", "‖W − Ŵ‖ / ‖W‖ (Frobenius)"},
        {C::LocalError, "localError", "local output error", "share",
         "‖Y − Ŷ‖ / ‖Y‖ with the float model's inputs: what this layer alone does"},
        {C::AccumulatedError, "accumulatedError", "accumulated error", "share",
         "‖Y − Ŷ‖ / ‖Y‖ with the quantized model's inputs: what has built up to here"},
        {C::Kurtosis, "kurtosis", "kurtosis", "", "m4 / m2² of the weights; 3 for a normal distribution"},
        {C::AbsMax, "absMax", "max |w|", "", "largest magnitude of the weights"},
        {C::ActivationAbsMax, "activationAbsMax", "max |x|", "", "largest magnitude of the layer's input"},
        {C::OutlierChannels, "outlierChannels", "outlier channels", "",
         "input channels with |x| ≥ 6 in any token"},
        {C::Bytes, "bytes", "bytes", "B", "of the quantized weight"},
    }};
    return columns;
}

double layerValue(const LayerRow& row, LayerColumn column, int64_t position) {
    switch (column) {
        case LayerColumn::Position:
        case LayerColumn::Name:
            return static_cast<double>(position);
        case LayerColumn::BitsPerWeight:
            return row.weight.bitsPerWeight;
        case LayerColumn::WeightSqnr:
            return row.weight.sqnrDb;
        case LayerColumn::WeightMse:
            return row.weight.mse;
        case LayerColumn::RelativeWeightError:
            return row.weight.relativeFrobenius;
        case LayerColumn::LocalError:
            return row.localError;
        case LayerColumn::AccumulatedError:
            return row.accumulatedError;
        case LayerColumn::Kurtosis:
            return row.weightKurtosis;
        case LayerColumn::AbsMax:
            return row.weightAbsMax;
        case LayerColumn::ActivationAbsMax:
            return row.activationAbsMax;
        case LayerColumn::OutlierChannels:
            return static_cast<double>(row.outlierChannels);
        case LayerColumn::Bytes:
            return static_cast<double>(row.bytes);
    }
    return 0;
}

std::vector<int64_t> sortedRows(std::span<const LayerRow> rows, LayerColumn column, bool descending) {
    std::vector<int64_t> order(rows.size());
    std::iota(order.begin(), order.end(), 0);
    const auto before = [&](int64_t a, int64_t b) {
        const LayerRow& left = rows[static_cast<size_t>(a)];
        const LayerRow& right = rows[static_cast<size_t>(b)];
        if (column == LayerColumn::Name) return descending ? right.name < left.name : left.name < right.name;
        const double x = layerValue(left, column, a);
        const double y = layerValue(right, column, b);
        if (std::isnan(x) || std::isnan(y)) return !std::isnan(x) && std::isnan(y);
        return descending ? y < x : x < y;
    };
    std::stable_sort(order.begin(), order.end(), before);
    return order;
}

}  // namespace quantscope
