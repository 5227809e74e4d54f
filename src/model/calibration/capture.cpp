// SPDX-License-Identifier: Apache-2.0
#include "model/calibration/capture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>
#include <utility>

#include "base/out_of_memory.h"
#include "base/parallel_for.h"
#include "methods/interface/variant.h"
#include "model/forward/forward.h"

namespace quantscope {
namespace {

bool isWanted(const CaptureRequest& request, const std::string& layer) {
    return std::ranges::any_of(request.layers,
                               [&](const std::string& pattern) { return matchesPattern(pattern, layer); });
}

/// One per block and input point: layers that share an input share this.
struct Collected {
    ChannelStatistics statistics;
    std::vector<float> rows;
    bool keep = false;
};

void addStatistics(ChannelStatistics& total, const MatrixView& values, float threshold) {
    const auto width = static_cast<size_t>(values.cols);
    if (total.absMax.empty()) {
        total.absMax.resize(width);
        total.mean.resize(width);
        total.meanSquare.resize(width);
        total.outlierTokens.resize(width);
    }
    // Sums until the end; finish() divides. Columns in parallel, so that the order of addition is fixed.
    parallelFor(values.cols, 64, [&](int64_t begin, int64_t end) {
        for (int64_t row = 0; row < values.rows; ++row) {
            const float* src = values.row(row);
            for (int64_t col = begin; col < end; ++col) {
                const auto c = static_cast<size_t>(col);
                const float magnitude = std::fabs(src[col]);
                total.absMax[c] = std::max(total.absMax[c], magnitude);
                total.mean[c] += src[col];
                total.meanSquare[c] += static_cast<double>(src[col]) * src[col];
                total.outlierTokens[c] += magnitude >= threshold ? 1 : 0;
            }
        }
    });
    total.tokens += values.rows;
}

void finish(ChannelStatistics& total) {
    const auto tokens = static_cast<double>(std::max<int64_t>(total.tokens, 1));
    for (double& value : total.mean) value /= tokens;
    for (double& value : total.meanSquare) value /= tokens;
}

using Point = std::pair<int64_t, int>;
Point pointOf(const LinearInfo& layer) {
    return {layer.block, layer.inputPoint};
}

/// Bytes the kept matrices will take, each shared input once.
Status checkBytes(const Model& model, const CaptureRequest& request, size_t tokens) {
    std::set<Point> points;
    uint64_t bytes = 0;
    for (const LinearInfo& layer : model.linears()) {
        if (layer.block < 0 || !isWanted(request, layer.name) || !points.insert(pointOf(layer)).second)
            continue;
        bytes += tokens * static_cast<uint64_t>(layer.inFeatures) * sizeof(float);
    }
    if (bytes <= request.maxBytes) return {};
    return fail(ErrorKind::InvalidArgument,
                fmt::format("the inputs of these layers take {} MiB, {} MiB are allowed", bytes >> 20,
                            request.maxBytes >> 20),
                "layers", "Capture fewer layers or fewer tokens.");
}

}  // namespace

Result<ActivationCapture> captureActivations(const Model& model, std::span<const int32_t> tokens,
                                             const CaptureRequest& request, const KernelTable& kernels,
                                             const Job& job) {
    if (Status fits = checkBytes(model, request, tokens.size()); !fits) return fail(fits.error());
    std::map<Point, Collected> collected;
    for (const LinearInfo& layer : model.linears()) {
        if (layer.block >= 0 && isWanted(request, layer.name)) collected[pointOf(layer)].keep = true;
    }
    const Tap tap = [&](const LinearInfo& layer, TapPoint point, const MatrixView& values) {
        if (point != TapPoint::Input || !layer.firstReader) return;
        Collected& at = collected[pointOf(layer)];
        addStatistics(at.statistics, values, request.outlierThreshold);
        if (!at.keep) return;
        const size_t before = at.rows.size();
        resizeFor(at.rows, before + static_cast<size_t>(values.size()), "the captured inputs of a layer");
        for (int64_t row = 0; row < values.rows; ++row)
            std::copy_n(values.row(row), values.cols, at.rows.data() + before + row * values.cols);
    };
    const ForwardPass pass(model, kernels);
    if (Status done = pass.run(tokens, request.window, job, tap); !done) return fail(done.error());

    ActivationCapture result;
    std::map<Point, Tensor> kept;
    for (auto& [point, at] : collected) {
        finish(at.statistics);
        if (!at.keep) continue;
        const auto width = static_cast<int64_t>(at.statistics.absMax.size());
        kept[point] = Tensor::fromFloats({at.statistics.tokens, width}, std::move(at.rows));
    }
    for (const LinearInfo& layer : model.linears()) {
        if (layer.block < 0) continue;
        result.statistics.push_back(collected[pointOf(layer)].statistics);
        ChannelStatistics& made = result.statistics.back();
        made.layer = layer.name;
        made.channels = model.inputPoints(layer.block)[static_cast<size_t>(layer.inputPoint)].channels;
        made.repeatsInput = !layer.firstReader;
        if (isWanted(request, layer.name)) result.inputs[layer.name] = kept[pointOf(layer)];
    }
    return result;
}

}  // namespace quantscope
