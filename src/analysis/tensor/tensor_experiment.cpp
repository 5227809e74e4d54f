// SPDX-License-Identifier: Apache-2.0
#include "analysis/tensor/tensor_experiment.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <vector>

#include "analysis/tensor/stored_report.h"
#include "analysis/tensor/variant_pass.h"
#include "base/parallel_for.h"
#include "quant/passes/reference.h"
#include "tensor/reduce_elements.h"

namespace quantscope {

namespace {

/// How the matrix is cut into rectangles: enough of them for any machine's threads, few enough that their
/// sums stay small. Depends on the shape alone, so results do not depend on the threads.
struct Cut {
    int64_t rowStep = 1;
    int64_t colStep = 1;
    int64_t down = 1;
    int64_t across = 1;
};

Cut cutOf(const GroupLayout& layout) {
    constexpr int64_t kWidest = int64_t{1} << 16;
    constexpr int64_t kRectangles = 32;
    constexpr int64_t kSmallest = int64_t{1} << 15;
    Cut cut;
    cut.colStep = layout.cols;
    if (layout.cols > kWidest)
        cut.colStep = layout.blockCols <= kWidest ? kWidest / layout.blockCols * layout.blockCols : kWidest;
    cut.across = (layout.cols + cut.colStep - 1) / cut.colStep;
    const int64_t wantedDown = std::max<int64_t>(1, kRectangles / cut.across);
    cut.rowStep =
        std::max((layout.rows + wantedDown - 1) / wantedDown, (kSmallest + cut.colStep - 1) / cut.colStep);
    cut.rowStep = std::min(cut.rowStep, layout.rows);
    cut.down = (layout.rows + cut.rowStep - 1) / cut.rowStep;
    return cut;
}

/// Whether no group lies in two rectangles.
bool ownGroups(const Cut& cut, const GroupLayout& layout) {
    return (cut.down == 1 || cut.rowStep % layout.blockRows == 0) &&
           (cut.across == 1 || cut.colStep % layout.blockCols == 0);
}

/// Stored parameters, and the ones codes are computed with where they differ.
struct GroupNumbers {
    std::vector<GroupParams> stored;
    bool differ = false;
};

GroupNumbers numbersOf(const MatrixQuantization& quantization) {
    GroupNumbers numbers;
    numbers.stored.resize(quantization.groups.size());
    std::atomic<bool> differ = false;
    parallelFor(std::ssize(numbers.stored), 1 << 14, [&](int64_t begin, int64_t end) {
        for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
            numbers.stored[i] = storedParams(quantization.groups[i], quantization.scheme);
            if (!(numbers.stored[i] == quantization.groups[i])) differ = true;
        }
    });
    numbers.differ = differ;
    return numbers;
}

bool hasWidth(const HistogramAxis& axis) {
    return axis.low < axis.high;
}

PaddedBins binsOf(const HistogramAxis& axis) {
    return PaddedBins(axis.low, axis.high, std::clamp(axis.bins, 1, kMaxHistogramBins));
}

bool fits(int64_t count) {
    return count <= kMaxReportedSplits;
}

/// Runs every rectangle to its end or until the job stops; false when stopped.
bool runAll(std::vector<std::optional<VariantPass>>& passes, const PassPlan& plan, const Cut& cut,
            const Job& job) {
    std::atomic<int64_t> rowsDone = 0;
    std::atomic<bool> stopped = false;
    const auto allRows = static_cast<double>(plan.matrix.rows * cut.across);
    // A look at the job every quarter of a million elements.
    const int64_t stepsPerLook =
        std::max<int64_t>(1, kElementGrain / (VariantPass::kPieceRows * cut.colStep));
    parallelFor(cut.down * cut.across, 1, [&](int64_t index, int64_t) {
        if (stopped.load(std::memory_order_relaxed) || job.stopRequested()) {
            stopped = true;
            return;
        }
        const int64_t row = index / cut.across * cut.rowStep;
        const int64_t col = index % cut.across * cut.colStep;
        VariantPass& pass = passes[static_cast<size_t>(index)].emplace(
            plan, row, std::min(row + cut.rowStep, plan.matrix.rows), col,
            std::min(col + cut.colStep, plan.matrix.cols));
        int64_t before = 0;
        for (int64_t step = 1; pass.advance(); ++step) {
            if (step % stepsPerLook != 0) continue;
            const int64_t done = rowsDone.fetch_add(pass.rowsDone() - before) + pass.rowsDone() - before;
            before = pass.rowsDone();
            if (job.proceed(static_cast<double>(done) / allRows, "quantizing")) continue;
            stopped = true;
            return;
        }
        rowsDone.fetch_add(pass.rowsDone() - before);
        pass.finish();
    });
    return !stopped;
}

void collect(VariantReport& report, const std::vector<std::optional<VariantPass>>& passes,
             const PassPlan& plan) {
    ErrorReport& errors = report.errors;
    if (plan.keepRows) errors.outputChannels.resize(static_cast<size_t>(plan.matrix.rows));
    if (plan.keepColumns) errors.inputChannels.resize(static_cast<size_t>(plan.matrix.cols));
    report.codes.codeMin = codeMin(report.quantization.scheme);
    PaddedBins values = plan.values;
    PaddedBins differences = plan.errors;
    for (const auto& pass : passes) {
        errors.total.merge(pass->total());
        pass->addRowsTo(errors.outputChannels);
        pass->addColumnsTo(errors.inputChannels);
        pass->addGroupsTo(errors.groups);
        if (plan.countCodes) report.codes.merge(CodeHistogram{report.codes.codeMin, pass->codeCounts()});
        values.merge(pass->values());
        differences.merge(pass->errors());
    }
    if (!values.empty()) report.dequantized = values.histogram();
    if (!differences.empty()) report.error = differences.histogram();
}

/// The float reference: no error, and the histogram of the values themselves.
Result<VariantReport> floatReport(const MatrixView& matrix, MatrixQuantization quantization,
                                  const VariantReportOptions& options, const KernelTable& kernels,
                                  const Job& job) {
    struct Signal {
        ErrorSplit split;
        void merge(const Signal& other) { split.merge(other.split); }
    };
    VariantReport report;
    report.quantization = std::move(quantization);
    auto signal = reduceElements<Signal>(
        matrix, job.part(0, 0.5), "signal", [&](Signal& into, std::span<const float> values, int64_t) {
            const auto count = static_cast<int64_t>(values.size());
            const double sum = kernels.elementwise.extremes(values.data(), count).sumOfSquares;
            into.split.merge(ErrorSplit{count, 0, 0, 0, 0, sum, sum, sum});
        });
    if (!signal) return fail(signal.error());
    report.errors.total = signal->split;
    report.metrics = metricsOf(report.errors.total, {}, report.quantization.bitsPerWeight);
    if (!hasWidth(options.axis)) return report;
    auto histogram = floatHistogram(matrix, options.axis, kernels, job.part(0.5, 1));
    if (!histogram) return fail(histogram.error());
    report.dequantized = std::move(*histogram);
    return report;
}

}  // namespace

Result<VariantReport> variantReport(const MatrixView& matrix, MatrixQuantization quantization,
                                    const VariantReportOptions& options, const KernelTable& kernels,
                                    const Job& job) {
    const GroupLayout& layout = quantization.layout;
    if (layout.rows != matrix.rows || layout.cols != matrix.cols)
        return fail(ErrorKind::InvalidArgument, "the quantization belongs to a matrix of another shape",
                    "shape");
    if (quantization.stored) return storedReport(matrix, std::move(quantization), options, kernels, job);
    if (quantization.isFloat()) return floatReport(matrix, std::move(quantization), options, kernels, job);
    VariantReport report;
    report.quantization = std::move(quantization);
    const MatrixQuantization& chosen = report.quantization;
    report.codes.codeMin = codeMin(chosen.scheme);
    report.metrics = metricsOf({}, {}, chosen.bitsPerWeight);
    if (matrix.size() == 0) return report;
    const GroupNumbers numbers = numbersOf(chosen);
    PassPlan plan;
    plan.matrix = matrix;
    plan.quantization = &chosen;
    plan.kernels = &kernels.elementwise;
    plan.stored = numbers.stored;
    if (numbers.differ) plan.encode = chosen.groups;
    plan.countCodes = options.countCodes;
    plan.keepRows = fits(matrix.rows);
    plan.keepColumns = fits(matrix.cols);
    plan.keepGroups = fits(static_cast<int64_t>(chosen.groups.size()));
    if (hasWidth(options.axis)) plan.values = binsOf(options.axis);
    if (hasWidth(options.errorAxis))
        plan.errors = binsOf(options.errorAxis);
    else if (options.errorBins > 0)
        plan.errors = binsOf(errorAxis(chosen, options.errorBins));
    const Cut cut = cutOf(chosen.layout);
    if (plan.keepGroups) {
        report.errors.groups.resize(chosen.groups.size());
        if (ownGroups(cut, chosen.layout)) plan.ownedGroups = report.errors.groups;
    }
    std::vector<std::optional<VariantPass>> passes(static_cast<size_t>(cut.down * cut.across));
    if (!runAll(passes, plan, cut, job)) return fail(ErrorKind::Cancelled, "stopped");
    collect(report, passes, plan);
    report.metrics = metricsOf(report.errors.total, report.codes, chosen.bitsPerWeight);
    report.marks = gridMarks(chosen, typicalGroup(chosen));
    return report;
}

}  // namespace quantscope
