// SPDX-License-Identifier: Apache-2.0
#include "kernels/float_gemm.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <utility>

#include "base/out_of_memory.h"
#include "base/parallel_for.h"
#include "kernels/aligned_bytes.h"
#include "kernels/packed_integer.h"
#include "kernels/product_plan.h"

namespace quantscope {

/// Panels as in FloatPanelCall, one after the other; the last one is 16 columns wide when that is enough.
struct PackedWeights::Data {
    AlignedBytes panels;

    [[nodiscard]] float* panel(int64_t index, int64_t inputs) const {
        return reinterpret_cast<float*>(panels.get()) + index * kPanelColumns * inputs;
    }
};

namespace {

/// [columns x inputs] to [inputs x width], a few inputs at a time so that both sides stay in the cache.
void packPanel(const MatrixView& weight, int64_t first, int64_t columns, int64_t width, float* panel) {
    constexpr int64_t kInputsAtOnce = 16;
    for (int64_t k = 0; k < weight.cols; k += kInputsAtOnce) {
        const int64_t count = std::min(kInputsAtOnce, weight.cols - k);
        for (int64_t c = 0; c < columns; ++c) {
            const float* src = weight.row(first + c) + k;
            float* dst = panel + k * width + c;
            for (int64_t i = 0; i < count; ++i) dst[i * width] = src[i];
        }
    }
}

ProductPlan planFor(int64_t m, int64_t n, int64_t k) {
    constexpr int64_t kBlockFloats = 98304;
    constexpr int64_t kTileRows = 12;
    constexpr int64_t kMostRows = 192;
    PlanLimits limits;
    limits.fittingRows =
        std::clamp(kBlockFloats / std::max<int64_t>(k, 1) / kTileRows * kTileRows, kTileRows, kMostRows);
    limits.tileRows = kTileRows;
    limits.work = n * k * m;
    limits.small = 1 << 17;
    limits.large = 1 << 23;
    return planProduct(m, n, limits);
}

/// Rows a whole number of pages apart share the sets of the first cache; a tile of them would evict itself.
constexpr int64_t kPageFloats = 1024;
constexpr int64_t kRowsThatCollide = 8;

MatrixView spread(const MatrixView& x, AlignedBytes& memory) {
    if (x.rows <= kRowsThatCollide || x.stride % kPageFloats != 0) return x;
    const int64_t stride = x.cols + 16;
    memory = allocateAligned(x.rows * stride * static_cast<int64_t>(sizeof(float)));
    if (!memory) return x;  // slower, not wrong
    auto* const copy = reinterpret_cast<float*>(memory.get());
    parallelFor(x.rows, 16, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) std::copy_n(x.row(i), x.cols, copy + i * stride);
    });
    return {copy, x.rows, x.cols, stride};
}

}  // namespace

Result<PackedWeights> FloatGemm::pack(const MatrixView& weight, const Job& job) {
    PackedWeights packed;
    packed.m_outputs = weight.rows;
    packed.m_inputs = weight.cols;
    if (weight.rows == 0 || weight.cols == 0) return packed;
    const int64_t bytes = roundUp(weight.rows, 16) * weight.cols * static_cast<int64_t>(sizeof(float));
    auto data = std::make_shared<PackedWeights::Data>();
    data->panels = weight.rows % 16 == 0 ? allocateAligned(bytes) : allocateZeroed(bytes);
    if (!data->panels) {
        return fail(notEnoughMemory("the packed weight", static_cast<uint64_t>(bytes)));
    }
    constexpr int64_t kFloatsAtOnce = 65536;
    parallelFor(roundUp(weight.rows, kPanelColumns) / kPanelColumns,
                std::max<int64_t>(1, kFloatsAtOnce / (kPanelColumns * weight.cols)),
                [&](int64_t begin, int64_t end) {
                    for (int64_t p = begin; p < end && !job.stopRequested(); ++p) {
                        const int64_t first = p * kPanelColumns;
                        packPanel(weight, first, std::min(kPanelColumns, weight.rows - first),
                                  panelWidth(weight.rows, p), data->panel(p, weight.cols));
                    }
                });
    if (job.stopRequested()) return fail(ErrorKind::Cancelled, "packing was stopped");
    packed.m_bytes = static_cast<uint64_t>(bytes);
    packed.m_data = std::move(data);
    return packed;
}

void FloatGemm::run(const MatrixView& x, const PackedWeights& weights, const Target& target,
                    const TileSink* sink) const {
    assert(x.cols == weights.inputs());
    const int64_t n = weights.outputs();
    const int64_t k = weights.inputs();
    if (x.rows == 0 || n == 0) return;
    AlignedBytes memory;
    const MatrixView rows = spread(x, memory);
    const ProductPlan plan = planFor(x.rows, n, k);
    parallelFor(plan.tasks(), 1, [&](int64_t task, int64_t) {
        const int64_t row = plan.firstRow(task);
        FloatPanelCall call;
        call.x = rows.row(row);
        call.xStride = rows.stride;
        call.rows = std::min(plan.rowsAtOnce, x.rows - row);
        call.depth = k;
        call.accumulate = target.accumulate;
        std::unique_ptr<float[]> tile;
        if (sink != nullptr) {
            tile = std::make_unique_for_overwrite<float[]>(static_cast<size_t>(call.rows * kPanelColumns));
        }
        for (int64_t p = plan.firstPanel(task); p < plan.lastPanel(task); ++p) {
            const int64_t column = p * kPanelColumns;
            call.columns = std::min(kPanelColumns, n - column);
            call.width = panelWidth(n, p);
            call.panel = weights.m_data->panel(p, k);
            call.y = sink != nullptr ? tile.get() : target.y + row * target.stride + column;
            call.yStride = sink != nullptr ? call.columns : target.stride;
            m_kernels->forward.productPanel(call);
            if (sink != nullptr) (*sink)({row, call.rows, column, call.columns, tile.get()});
        }
    });
}

void FloatGemm::multiply(const MatrixView& x, const PackedWeights& weights, const TileSink& sink) const {
    assert(x.cols > 0);
    run(x, weights, {nullptr, 0, false}, &sink);
}

void FloatGemm::multiply(const MatrixView& x, const PackedWeights& weights, float* y, int64_t yStride) const {
    if (yStride == 0) yStride = weights.outputs();
    if (x.cols == 0) {
        for (int64_t i = 0; i < x.rows; ++i) std::fill_n(y + i * yStride, weights.outputs(), 0.0F);
        return;
    }
    run(x, weights, {y, yStride, false}, nullptr);
}

void FloatGemm::multiplyOnto(const MatrixView& x, const PackedWeights& weights, float* y,
                             int64_t yStride) const {
    if (x.cols == 0) return;
    run(x, weights, {y, yStride == 0 ? weights.outputs() : yStride, true}, nullptr);
}

}  // namespace quantscope
