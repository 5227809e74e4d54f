// SPDX-License-Identifier: Apache-2.0
#include "methods/parts/hessian.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/out_of_memory.h"
#include "base/parallel_for.h"
#include "numerics/linear_algebra.h"

namespace quantscope {

Result<PreparedHessian> prepareHessian(const CalibrationStatistics& calibration, double damping,
                                       bool byActivity) {
    const int64_t n = calibration.channels;
    const std::vector<float>& h = calibration.hessian;
    PreparedHessian result;
    result.dead.assign(static_cast<size_t>(n), 0);
    std::vector<double> diagonal(static_cast<size_t>(n));
    int64_t dead = 0;
    for (int64_t i = 0; i < n; ++i) {
        const auto at = static_cast<size_t>(i);
        diagonal[at] = h[static_cast<size_t>(i * n + i)];
        if (!std::isfinite(diagonal[at]))
            return fail(ErrorKind::InvalidArgument, fmt::format("X^T X of input channel {} is not finite", i),
                        "calibration", "the activations overflow: check the model's weights");
        if (diagonal[at] != 0) continue;
        result.dead[at] = 1;
        diagonal[at] = 1;
        ++dead;
    }
    if (dead > 0) result.notes.push_back(fmt::format("{} dead input channels: their weights became 0", dead));
    result.meanDiagonal = std::accumulate(diagonal.begin(), diagonal.end(), 0.0) / static_cast<double>(n);
    result.order.resize(static_cast<size_t>(n));
    std::iota(result.order.begin(), result.order.end(), 0);
    if (byActivity) {
        std::stable_sort(result.order.begin(), result.order.end(), [&](int32_t a, int32_t b) {
            return diagonal[static_cast<size_t>(a)] > diagonal[static_cast<size_t>(b)];
        });
    }
    result.damping = damping;
    resizeFor(result.matrix, h.size(), "the damped X^T X");
    parallelFor(n, 32, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const int64_t row = result.order[static_cast<size_t>(i)];
            for (int64_t j = 0; j < n; ++j)
                result.matrix[static_cast<size_t>(i * n + j)] =
                    h[static_cast<size_t>(row * n + result.order[static_cast<size_t>(j)])];
            result.matrix[static_cast<size_t>(i * n + i)] =
                diagonal[static_cast<size_t>(row)] + damping * result.meanDiagonal;
        }
    });
    return result;
}

Result<std::vector<float>> factorInverse(PreparedHessian& hessian) {
    constexpr double kStep = 0.01;
    constexpr int kSteps = 100;
    const auto n = static_cast<int64_t>(hessian.order.size());
    std::vector<float> upper;
    for (int step = 0; step <= kSteps; ++step) {
        if (inverseFactor(hessian.matrix, n, upper)) {
            if (step > 0)
                hessian.notes.push_back(
                    fmt::format("X^T X was singular: damping raised to {:.2f}", hessian.damping));
            return upper;
        }
        hessian.damping += kStep;
        for (int64_t i = 0; i < n; ++i)
            hessian.matrix[static_cast<size_t>(i * n + i)] += kStep * hessian.meanDiagonal;
    }
    return fail(ErrorKind::InvalidArgument, "X^T X cannot be inverted, whatever the damping", "calibration",
                "use more calibration text");
}

Result<std::shared_ptr<const FactoredHessian>> factoredHessian(const CalibrationStatistics& calibration,
                                                               double damping, bool byActivity) {
    const std::string key = fmt::format("inverse factor {} {}", damping, byActivity);
    if (auto known = calibration.shared->find<FactoredHessian>(key)) return known;
    auto hessian = prepareHessian(calibration, damping, byActivity);
    if (!hessian) return fail(hessian.error());
    auto upper = factorInverse(*hessian);
    if (!upper) return fail(upper.error());
    hessian->matrix = {};
    auto made =
        std::make_shared<const FactoredHessian>(FactoredHessian{std::move(*hessian), std::move(*upper)});
    calibration.shared->put(key, made);
    return made;
}

}  // namespace quantscope
