// SPDX-License-Identifier: Apache-2.0
#include "methods/awq.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/parallel_for.h"
#include "methods/interface/input_order.h"
#include "methods/interface/options.h"
#include "methods/interface/variant_text.h"
#include "methods/parts/code_rounder.h"
#include "methods/parts/coded_weight.h"
#include "methods/parts/output_error.h"
#include "numerics/linear_algebra.h"
#include "quant/passes/quantize_run.h"
#include "quant/passes/reference.h"

namespace quantscope {
namespace {

/// The scale the grid found, and its curve.
struct ScaleSearch {
    std::vector<float> scale;
    double alpha = 0;
    std::vector<double> alphas;
    std::vector<double> losses;
};

std::vector<float> scaleFor(const std::vector<double>& activity, const std::vector<double>& weights,
                            double alpha) {
    std::vector<float> s(activity.size());
    for (size_t j = 0; j < s.size(); ++j) {
        double value = std::pow(activity[j], alpha);
        if (!weights.empty()) value /= std::pow(weights[j], 1 - alpha) + 1e-4;
        s[j] = static_cast<float>(std::max(value, 1e-4));
    }
    const auto [low, high] = std::minmax_element(s.begin(), s.end());
    const float middle = std::sqrt(*low * *high);
    for (float& value : s) {
        value /= middle;
        if (!std::isfinite(value) || value <= 0) value = 1;
    }
    return s;
}

/// Mean over all rows of |w| / (largest |w| of its group): AutoAWQ's second factor.
std::vector<double> weightShares(std::span<const Tensor> readers, const Scheme& scheme) {
    std::vector<double> sums(static_cast<size_t>(readers.front().cols()));
    int64_t rows = 0;
    for (const Tensor& weight : readers) {
        const MatrixView w = weight.matrix();
        const int64_t size = GroupLayout::of(scheme, w.rows, w.cols).blockCols;
        rows += w.rows;
        for (int64_t r = 0; r < w.rows; ++r)
            for (int64_t col = 0; col < w.cols; col += size) {
                const int64_t last = std::min(w.cols, col + size);
                float largest = 0;
                for (int64_t c = col; c < last; ++c) largest = std::max(largest, std::abs(w.at(r, c)));
                for (int64_t c = col; c < last; ++c)
                    sums[static_cast<size_t>(c)] += std::abs(w.at(r, c)) / (largest + 1e-6F);
            }
    }
    for (double& sum : sums) sum /= static_cast<double>(rows);
    return sums;
}

/// ||Q(W diag(s)) diag(s)^-1 x - W x||^2 a token.
Result<double> lossOf(const MatrixView& w, const std::vector<float>& scale, const Scheme& scheme,
                      const OutputError& outputError, const Job& job) {
    std::vector<GroupParams> ofTensor;
    if (scheme.granularity == Granularity::Tensor) {
        std::vector<float> scaled(static_cast<size_t>(w.size()));
        transformWeight({scale, {}, {}}, w, scaled.data());
        auto chosen = chooseGroupParams({scaled.data(), w.rows, w.cols, w.cols}, scheme, job.quiet());
        if (!chosen) return fail(chosen.error());
        ofTensor = std::move(*chosen);
    }
    const int64_t size = GroupLayout::of(scheme, w.rows, w.cols).blockCols;
    const auto width = static_cast<size_t>(w.cols);
    return parallelReduce<double>(
        w.rows, OutputError::kBandRows,
        [&](int64_t begin, int64_t end) {
            std::vector<float> errors(static_cast<size_t>(end - begin) * width);
            std::vector<float> scaled(width);
            std::vector<int32_t> codes(width);
            for (int64_t r = begin; r < end; ++r) {
                const float* from = w.row(r);
                float* to = errors.data() + (r - begin) * w.cols;
                for (size_t c = 0; c < width; ++c) scaled[c] = from[c] * scale[c];
                for (int64_t col = 0; col < w.cols; col += size) {
                    const int64_t count = std::min(size, w.cols - col);
                    const GroupParams group =
                        ofTensor.empty() ? blockParams({scaled.data() + col, 1, count, count}, scheme)
                                         : ofTensor.front();
                    QuantizeParams params = quantizeParams(scheme, group);
                    params.firstElement = static_cast<uint64_t>(r * w.cols + col);
                    quantizeRun({scaled.data() + col, static_cast<size_t>(count)}, params, codes.data());
                    dequantizeRun(std::span<const int32_t>(codes).first(static_cast<size_t>(count)), params,
                                  to + col);
                }
                for (size_t c = 0; c < width; ++c) to[c] = to[c] / scale[c] - from[c];
            }
            return outputError.ofBand({errors.data(), end - begin, w.cols, w.cols});
        },
        [](double& total, double part) { total += part; });
}

Result<ScaleSearch> searchScale(std::span<const Tensor> readers, const LayerInput& input,
                                const Scheme& scheme, const MethodOptions& options, const Job& job) {
    const CalibrationStatistics& seen = *input.calibration;
    const std::vector<double> shares =
        options.toggle("duo") ? weightShares(readers, scheme) : std::vector<double>{};
    const int64_t points = options.integer("grid");
    const OutputError outputError(seen.hessian, seen.channels);
    ScaleSearch best;
    double least = std::numeric_limits<double>::infinity();
    for (int64_t i = 0; i < points; ++i) {
        const double alpha = static_cast<double>(i) / static_cast<double>(points);
        if (!job.proceed(alpha, "AWQ")) return fail(ErrorKind::Cancelled, "AWQ was stopped");
        const ActivationTransform transform{scaleFor(seen.meanAbs, shares, alpha), {}, {}};
        double loss = 0;
        for (const Tensor& weight : readers) {
            auto own = lossOf(weight.matrix(), transform.divisor, scheme, outputError, job);
            if (!own) return fail(own.error());
            loss += *own;
        }
        best.alphas.push_back(alpha);
        best.losses.push_back(loss);
        if (!(loss < least)) continue;
        least = loss;
        best.alpha = alpha;
        best.scale = transform.divisor;
    }
    if (best.scale.empty()) {
        for (const Tensor& weight : readers)  // a weight that is not a number has a better message
            if (auto rounded = roundTrip(weight.matrix(), scheme, job); !rounded)
                return fail(rounded.error());
        return fail(ErrorKind::InvalidArgument, "no scale of the grid gives a finite error", "calibration",
                    "check the model's activations");
    }
    return best;
}

/// For each row and group the limit, out of `points` cuts down to 1 - shrink, with the least error over the
/// group's own inputs; weights beyond it are cut off.
Tensor clipped(const Tensor& weight, const std::vector<float>& scale, const CalibrationStatistics& seen,
               const Scheme& scheme, int64_t points, double shrink) {
    const MatrixView w = weight.matrix();
    const int64_t size = GroupLayout::of(scheme, w.rows, w.cols).blockCols;
    std::vector<float> result(weight.floats().begin(), weight.floats().end());
    constexpr int64_t kRows = 32;
    const auto steps = static_cast<int64_t>(shrink * static_cast<double>(points));
    for (int64_t col = 0; col < w.cols; col += size) {
        const int64_t count = std::min(size, w.cols - col);
        // X^T X of the group's inputs, in the scaled basis.
        std::vector<float> hessian(static_cast<size_t>(count * count));
        for (int64_t i = 0; i < count; ++i)
            for (int64_t j = 0; j < count; ++j)
                hessian[static_cast<size_t>(i * count + j)] =
                    seen.hessian[static_cast<size_t>((col + i) * w.cols + col + j)] /
                    (scale[static_cast<size_t>(col + i)] * scale[static_cast<size_t>(col + j)]);
        parallelFor(w.rows, kRows, [&](int64_t begin, int64_t end) {
            const int64_t rows = end - begin;
            const auto cells = static_cast<size_t>(rows * count);
            std::vector<float> errors(cells);
            std::vector<float> moved(cells);
            std::vector<float> cut(static_cast<size_t>(count));
            std::vector<double> least(static_cast<size_t>(rows), std::numeric_limits<double>::infinity());
            for (int64_t step = 0; step < steps; ++step) {
                const auto part =
                    static_cast<float>(1 - static_cast<double>(step) / static_cast<double>(points));
                std::vector<float> limits(static_cast<size_t>(rows));
                for (int64_t r = 0; r < rows; ++r) {
                    const float* from = w.row(begin + r) + col;
                    float largest = 0;
                    for (int64_t i = 0; i < count; ++i) largest = std::max(largest, std::abs(from[i]));
                    const float limit = largest * part;
                    limits[static_cast<size_t>(r)] = limit;
                    for (int64_t i = 0; i < count; ++i)
                        cut[static_cast<size_t>(i)] = std::clamp(from[i], -limit, limit);
                    const MatrixView block{cut.data(), 1, count, count};
                    const CodeRounder rounder(quantizeParams(scheme, blockParams(block, scheme)));
                    const uint64_t element = static_cast<uint64_t>((begin + r) * w.cols + col);
                    for (int64_t i = 0; i < count; ++i) {
                        const float value = rounder.value(
                            rounder.code(cut[static_cast<size_t>(i)], element + static_cast<uint64_t>(i)));
                        errors[static_cast<size_t>(r * count + i)] = value - from[i];
                    }
                }
                std::fill(moved.begin(), moved.end(), 0.0F);
                multiplyAdd(rows, count, count, errors.data(), count, hessian.data(), count, moved.data(),
                            count, 1.0F);
                for (int64_t r = 0; r < rows; ++r) {
                    double error = 0;
                    for (auto i = static_cast<size_t>(r * count); i < static_cast<size_t>((r + 1) * count);
                         ++i)
                        error += static_cast<double>(errors[i]) * static_cast<double>(moved[i]);
                    if (!(error < least[static_cast<size_t>(r)])) continue;
                    least[static_cast<size_t>(r)] = error;
                    const float* from = w.row(begin + r) + col;
                    const float limit = limits[static_cast<size_t>(r)];
                    for (int64_t i = 0; i < count; ++i)
                        result[static_cast<size_t>((begin + r) * w.cols + col + i)] =
                            std::clamp(from[i], -limit, limit);
                }
            }
        });
    }
    return Tensor::fromFloats(weight.shape(), std::move(result));
}

/// AWQ's own code does not clip query and key: an error of one is multiplied with the other in the scores.
bool mayClip(LayerRole role) {
    return !meetsInScores(role);
}

}  // namespace

const MethodInfo& Awq::info() const {
    static const MethodInfo kInfo = [] {
        MethodInfo info;
        info.name = "awq";
        info.label = "AWQ";
        info.source = "Lin et al., MLSys 2024 (arXiv:2306.00978)";
        info.help =
            "scales input channels by s_j = mean|x_j|^alpha before rounding and their inputs by 1 / s_j: s* "
            "= "
            "argmin_s ||Q(W diag(s)) (diag(s)^-1 X) - W X||; then cuts each group's range the same way.";
        info.needs = CalibrationNeed::Hessian;
        info.kind = MethodKind::Heuristic;
        info.runsOnIntegerKernels = true;
        info.sharesTransform = true;
        info.minimumBits = 3;
        info.scheme.bits = 4;
        info.scheme.mapping = Mapping::Affine;
        info.scheme.rangeIncludesZero = false;
        info.scheme.granularity = Granularity::Group;
        info.schemeRules = rulesAlongInputs(info.label);
        info.parameters = {
            integerParameter("grid", "Grid", "values of alpha tried: 0, 1/n, 2/n, ...", 1, 200, "20"),
            toggleParameter("clip", "Clip search", "cut each group's range where its error is least", true),
            realParameter("shrink", "Most cut", "the part of the range the clip search may take away", 0.05,
                          0.95, "0.5"),
            toggleParameter("duo", "Weights too",
                            "s_j = mean|x_j|^alpha / mean(|w_j| / group's largest)^(1 - alpha) (AutoAWQ)"),
            inputsParameter()};
        return info;
    }();
    return kInfo;
}

double Awq::storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const {
    // The scales as F16; where they can be folded into the operator before, they cost nothing.
    return Method::storedBytes(recipe, rows, cols) + 2.0 * static_cast<double>(cols);
}

Result<LayerResult> Awq::quantize(const LayerInput& input, const Recipe& recipe, const Job& job) const {
    const MethodOptions options(info(), recipe);
    const std::vector<Tensor> alone{input.weight};
    const std::span<const Tensor> readers = input.siblings.empty() ? alone : input.siblings;
    const std::string key = recipeText(recipe) + " " + std::to_string(readers.size());
    auto search = input.calibration->shared->find<ScaleSearch>(key);
    if (!search) {
        auto found = searchScale(readers, input, recipe.scheme, options, job.part(0, 0.7));
        if (!found) return fail(found.error());
        search = std::make_shared<const ScaleSearch>(std::move(*found));
        if (!input.siblings.empty()) input.calibration->shared->put(key, search);
    }
    const ActivationTransform transform{search->scale, {}, {}};
    Tensor weight = inBasis(transform, input.weight);
    if (options.toggle("clip") && recipe.scheme.granularity != Granularity::Tensor && mayClip(input.role)) {
        constexpr int64_t kClipPoints = 20;
        weight = clipped(weight, search->scale, *input.calibration, recipe.scheme, kClipPoints,
                         options.real("shrink"));
    }
    auto result = roundInBasis(weight, recipe.scheme, transform, 2 * search->scale.size(), job.quiet());
    if (!result) return fail(result.error());
    auto trace = std::make_shared<Trace>();
    trace->add("loss", "alpha", "||Q(W s) x / s - W x||^2 a token", search->alphas, search->losses);
    result->trace = std::move(trace);
    return result;
}

}  // namespace quantscope
