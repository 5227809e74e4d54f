// SPDX-License-Identifier: Apache-2.0
#include "analysis/tensor/stored_report.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <span>
#include <vector>

#include "analysis/tensor/padded_bins.h"
#include "base/parallel_for.h"

namespace quantscope {
namespace {

/// Rows that one thread measures on its own; by the shape alone, so that sums do not depend on the threads.
struct Bands {
    int64_t rows = 0;
    int64_t step = 1;

    static Bands of(const MatrixView& matrix) {
        constexpr int64_t kBands = 32;
        constexpr int64_t kSmallest = int64_t{1} << 15;
        const int64_t enough = (kSmallest + matrix.cols - 1) / matrix.cols;
        return {matrix.rows,
                std::clamp((matrix.rows + kBands - 1) / kBands, enough, std::max(enough, matrix.rows))};
    }
    [[nodiscard]] int64_t count() const { return (rows + step - 1) / step; }
};

/// Sums of one band.
struct BandSums {
    ErrorSplit total;
    std::vector<ErrorSplit> columns;
    std::vector<uint64_t> codes;
    PaddedBins values;
};

ErrorSplit splitOf(float r, float value, bool clipped) {
    const auto exact = static_cast<double>(r);
    const auto stored = static_cast<double>(value);
    const float error = r - value;
    const double square = static_cast<double>(error) * static_cast<double>(error);
    ErrorSplit split{1,
                     clipped ? 1 : 0,
                     clipped ? square : 0,
                     clipped ? 0 : square,
                     std::abs(error),
                     exact * exact,
                     exact * stored,
                     stored * stored};
    return split;
}

class StoredPass {
 public:
    StoredPass(const MatrixView& matrix, const MatrixQuantization& quantization,
               const VariantReportOptions& options, const ElementwiseKernels& kernels)
        : m_matrix(matrix),
          m_stored(quantization.stored->values.matrix()),
          m_codes(quantization.stored->codes.get()),
          m_options(options),
          m_kernels(kernels),
          m_bands(Bands::of(matrix)) {}

    /// Everything but the histogram of errors.
    Status sums(VariantReport& report, const Job& job) const;
    Status errorHistogram(VariantReport& report, const HistogramAxis& axis, const Job& job) const;

 private:
    [[nodiscard]] BandSums emptySums() const;
    void addRow(int64_t row, BandSums& sums, ErrorSplit& rowSplit) const;
    /// work(band, row) for all rows, bands in parallel.
    template <class Work>
    Status forRows(const Job& job, const Work& work) const;

    const MatrixView& m_matrix;
    MatrixView m_stored;
    const StoredCodes* m_codes;
    const VariantReportOptions& m_options;
    const ElementwiseKernels& m_kernels;
    Bands m_bands;
};

BandSums StoredPass::emptySums() const {
    BandSums sums;
    if (m_matrix.cols <= kMaxReportedSplits) sums.columns.resize(static_cast<size_t>(m_matrix.cols));
    if (m_codes != nullptr && m_options.countCodes)
        sums.codes.resize(static_cast<size_t>(m_codes->codeMax - m_codes->codeMin) + 1);
    if (m_options.axis.low < m_options.axis.high)
        sums.values = PaddedBins(m_options.axis.low, m_options.axis.high,
                                 std::clamp(m_options.axis.bins, 1, kMaxHistogramBins));
    return sums;
}

void StoredPass::addRow(int64_t row, BandSums& sums, ErrorSplit& rowSplit) const {
    for (int64_t col = 0; col < m_matrix.cols; ++col) {
        const float r = m_matrix.at(row, col);
        const bool clipped = m_codes != nullptr && !m_codes->rangeAt(row, col).holds(r);
        const ErrorSplit split = splitOf(r, m_stored.at(row, col), clipped);
        rowSplit.merge(split);
        if (!sums.columns.empty()) sums.columns[static_cast<size_t>(col)].merge(split);
        if (!sums.codes.empty())
            ++sums.codes[static_cast<size_t>(m_codes->code(row, col) - m_codes->codeMin)];
    }
    sums.total.merge(rowSplit);
    if (!sums.values.empty())
        sums.values.add(std::span<const float>(m_stored.row(row), static_cast<size_t>(m_stored.cols)),
                        m_kernels);
}

template <class Work>
Status StoredPass::forRows(const Job& job, const Work& work) const {
    std::atomic<int64_t> done = 0;
    std::atomic<bool> stopped = false;
    parallelFor(m_bands.count(), 1, [&](int64_t band, int64_t) {
        const int64_t last = std::min(m_matrix.rows, (band + 1) * m_bands.step);
        for (int64_t row = band * m_bands.step; row < last; ++row) {
            if (stopped.load(std::memory_order_relaxed)) return;
            work(static_cast<size_t>(band), row);
            const auto share =
                static_cast<double>(done.fetch_add(1) + 1) / static_cast<double>(m_matrix.rows);
            if (!job.proceed(share, "measuring")) stopped = true;
        }
    });
    if (stopped) return fail(ErrorKind::Cancelled, "stopped");
    return {};
}

Status StoredPass::sums(VariantReport& report, const Job& job) const {
    std::vector<BandSums> bands(static_cast<size_t>(m_bands.count()), emptySums());
    std::vector<ErrorSplit> rows(static_cast<size_t>(m_matrix.rows));
    if (Status ran = forRows(
            job, [&](size_t band, int64_t row) { addRow(row, bands[band], rows[static_cast<size_t>(row)]); });
        !ran)
        return ran;
    BandSums all = emptySums();
    for (const BandSums& band : bands) {
        all.total.merge(band.total);
        for (size_t j = 0; j < all.columns.size(); ++j) all.columns[j].merge(band.columns[j]);
        for (size_t q = 0; q < all.codes.size(); ++q) all.codes[q] += band.codes[q];
        all.values.merge(band.values);
    }
    report.errors.total = all.total;
    report.errors.inputChannels = std::move(all.columns);
    if (m_matrix.rows <= kMaxReportedSplits) report.errors.outputChannels = std::move(rows);
    if (m_codes != nullptr) report.codes = {m_codes->codeMin, std::move(all.codes)};
    if (!all.values.empty()) report.dequantized = all.values.histogram();
    return {};
}

Status StoredPass::errorHistogram(VariantReport& report, const HistogramAxis& axis, const Job& job) const {
    std::vector<PaddedBins> bands(
        static_cast<size_t>(m_bands.count()),
        PaddedBins(axis.low, axis.high, std::clamp(axis.bins, 1, kMaxHistogramBins)));
    const auto add = [&](size_t band, int64_t row) {
        std::vector<float> errors(static_cast<size_t>(m_matrix.cols));
        for (int64_t col = 0; col < m_matrix.cols; ++col)
            errors[static_cast<size_t>(col)] = m_matrix.at(row, col) - m_stored.at(row, col);
        bands[band].add(errors, m_kernels);
    };
    if (Status ran = forRows(job, add); !ran) return ran;
    for (size_t band = 1; band < bands.size(); ++band) bands.front().merge(bands[band]);
    report.error = bands.front().histogram();
    return {};
}

HistogramAxis axisOfErrors(const ErrorSplit& total, int bins) {
    const double rms = std::sqrt(total.totalSse() / static_cast<double>(std::max<int64_t>(1, total.count)));
    const float limit = std::min(total.maxAbs, static_cast<float>(4 * rms));
    const Histogram widened = makeHistogram(-limit, limit, std::clamp(bins, 1, kMaxHistogramBins));
    return {widened.low, widened.high, widened.bins()};
}

}  // namespace

Result<VariantReport> storedReport(const MatrixView& matrix, MatrixQuantization quantization,
                                   const VariantReportOptions& options, const KernelTable& kernels,
                                   const Job& job) {
    VariantReport report;
    report.quantization = std::move(quantization);
    const MatrixQuantization& known = report.quantization;
    if (matrix.size() > 0) {
        const StoredPass pass(matrix, known, options, kernels.elementwise);
        if (Status summed = pass.sums(report, job.part(0, 0.7)); !summed) return fail(summed.error());
        const bool given = options.errorAxis.low < options.errorAxis.high;
        if (given || options.errorBins > 0) {
            const HistogramAxis axis =
                given ? options.errorAxis : axisOfErrors(report.errors.total, options.errorBins);
            if (Status made = pass.errorHistogram(report, axis, job.part(0.7, 1)); !made)
                return fail(made.error());
        }
    }
    report.metrics = known.hasCodes() ? metricsOf(report.errors.total, report.codes, known.bitsPerWeight)
                                      : metricsWithoutCodes(report.errors.total, known.bitsPerWeight);
    report.marks = gridMarks(known, typicalGroup(known));
    return report;
}

}  // namespace quantscope
