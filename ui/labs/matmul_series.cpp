// SPDX-License-Identifier: GPL-3.0-or-later
#include "labs/matmul_series.h"

#include <QCoreApplication>
#include <algorithm>

#include "labs/matmul_text.h"
#include "plots/number_format.h"

namespace quantscope {
namespace {

// More than any window shows; the view leaves out what does not fit.
constexpr int kMostRows = 12;
constexpr int kMostChannels = 8;
constexpr int kMostInputs = 12;

QString tr(const char* text) {
    return QCoreApplication::translate("MatmulLab", text);
}

/// First index of a window of `count` around `centre`.
qint64 windowStart(qint64 centre, qint64 count, qint64 total) {
    return std::clamp<qint64>(centre - count / 2, 0, std::max<qint64>(0, total - count));
}

template <class Cell>
TextMatrix textMatrix(const QString& title, int rows, int cols, const Cell& cell) {
    TextMatrix matrix{title, rows, cols, {}};
    for (int r = 0; r < rows; ++r)
        for (int c = 0; c < cols; ++c) matrix.cells.push_back(cell(r, c));
    return matrix;
}

QString codesTitle(const char* name, const ProductOperand& side) {
    if (side.isFloat()) return QStringLiteral("%1 float").arg(QLatin1String(name));
    const Scheme& scheme = side.quantization.scheme;
    return QStringLiteral("Q(%1) %2%3")
        .arg(QLatin1String(name), QLatin1String(scheme.isSigned ? "int" : "uint"))
        .arg(scheme.bits);
}

QString scaleText(const ProductOperand& side, int64_t row, int64_t k, bool inverse) {
    const double scale = side.scale(row, k);
    QString text = number(inverse && scale != 0 ? 1 / scale : scale);
    if (!side.isSymmetric() && side.hasIntegerZeros())
        text += QStringLiteral(", %1").arg(side.zeroPoint(row, k));
    return text;
}

void addScales(ProductSeries& s, const QuantizedProduct& p, bool inverse) {
    const auto title = [&](const ProductOperand& side, const char* what) {
        const QString symbol = inverse              ? QStringLiteral("1/S")
                               : side.isSymmetric() ? QStringLiteral("S")
                                                    : QStringLiteral("S, Z");
        return QStringLiteral("%1 %2").arg(tr(what), symbol);
    };
    if (!p.x.isFloat()) {
        s.xScales = textMatrix(title(p.x, "row"), s.rows, 1,
                               [&](int r, int) { return scaleText(p.x, s.firstRow + r, s.step, inverse); });
    }
    if (!p.w.isFloat()) {
        s.wScales = textMatrix(title(p.w, "column"), 1, s.channels, [&](int, int c) {
            return scaleText(p.w, s.firstChannel + c, s.step, inverse);
        });
    }
}

void addResults(ProductSeries& s, const QuantizedProduct& p, bool inverse) {
    const auto at = [&](int r, int c) {
        return static_cast<size_t>((s.firstRow + r) * p.channels + s.firstChannel + c);
    };
    if (p.segments.size() == 1) {
        s.sums = textMatrix(tr("accumulator int32"), s.rows, s.channels,
                            [&](int r, int c) { return QString::number(p.segments.front().sums[at(r, c)]); });
        if (inverse) {
            s.factors = textMatrix(tr("outer product of 1/S"), s.rows, s.channels, [&](int r, int c) {
                return number(1 / (p.x.scale(s.firstRow + r, 0) * p.w.scale(s.firstChannel + c, 0)));
            });
        }
    }
    s.results = textMatrix(tr("result"), s.rows, s.channels,
                           [&](int r, int c) { return number(static_cast<double>(p.output[at(r, c)])); });
    s.exact = textMatrix(tr("exact"), s.rows, s.channels,
                         [&](int r, int c) { return number(static_cast<double>((*p.exact)[at(r, c)])); });
}

}  // namespace

const ProductVariantResult* shownVariant(const MatmulResults& results) {
    if (results.variant < 0 || results.variant >= static_cast<int>(results.variants.size())) return nullptr;
    return &results.variants[static_cast<size_t>(results.variant)];
}

ProductSeries productSeries(const MatmulResults& results, qint64 step) {
    const ProductVariantResult* variant = shownVariant(results);
    if (!variant || !variant->product || !results.trace) return {};
    const QuantizedProduct& p = *variant->product;
    const ProductTrace& trace = *results.trace;
    ProductSeries s;
    s.totalRows = p.rows;
    s.totalChannels = p.channels;
    s.totalInputs = p.depth;
    s.row = trace.row;
    s.channel = trace.channel;
    s.step = std::clamp<qint64>(step, 0, p.depth - 1);
    s.cellDone = s.step == p.depth - 1;
    s.rows = static_cast<int>(std::min<int64_t>(p.rows, kMostRows));
    s.channels = static_cast<int>(std::min<int64_t>(p.channels, kMostChannels));
    s.depth = static_cast<int>(std::min<int64_t>(p.depth, kMostInputs));
    s.firstRow = windowStart(s.row, s.rows, p.rows);
    s.firstChannel = windowStart(s.channel, s.channels, p.channels);
    s.firstInput = windowStart(s.step, s.depth, p.depth);
    for (int k = 0; k < s.depth; ++k) s.lifted.push_back(p.isLiftedOut(s.firstInput + k));
    const MatrixView x = variant->x.matrix();
    const MatrixView w = variant->w.matrix();
    s.x = textMatrix(tr("X float"), s.rows, s.depth, [&](int r, int k) {
        return number(static_cast<double>(x.at(s.firstRow + r, s.firstInput + k)));
    });
    s.xCodes = textMatrix(codesTitle("X", p.x), s.rows, s.depth, [&](int r, int k) {
        const int64_t input = s.firstInput + k;
        const bool asReal = p.x.isFloat() || p.isLiftedOut(input);
        return asReal ? s.x.at(r, k) : QString::number(p.x.code(s.firstRow + r, input));
    });
    s.wCodes = textMatrix(codesTitle("W", p.w), s.depth, s.channels, [&](int k, int c) {
        const int64_t input = s.firstInput + k;
        const bool asReal = p.w.isFloat() || p.isLiftedOut(input);
        return asReal ? number(static_cast<double>(w.at(s.firstChannel + c, input)))
                      : QString::number(p.w.code(s.firstChannel + c, input));
    });
    if (p.x.isFloat()) s.x = {};
    // With symmetric codes the lectures divide by the outer product of 1/S.
    const bool inverse = p.isInteger && p.x.isSymmetric() && p.w.isSymmetric() && p.segments.size() == 1;
    addScales(s, p, inverse);
    addResults(s, p, inverse);
    const TraceStep& now = trace.steps[static_cast<size_t>(s.step)];
    s.running = p.isInteger ? QString::number(now.accumulator) : number(now.running);
    if (s.sums.isEmpty() && p.isInteger) {
        s.sums = textMatrix(tr("group sum int32"), s.rows, s.channels,
                            [](int, int) { return QStringLiteral("·"); });
    }
    return s;
}

AccumulatorSeries accumulatorSeries(const MatmulResults& results) {
    const ProductVariantResult* variant = shownVariant(results);
    AccumulatorSeries series;
    if (!variant || !variant->product || !variant->product->isInteger) return series;
    const AccumulatorHistogram& histogram = variant->product->accumulators;
    for (const uint64_t count : histogram.byBits) series.byBits.push_back(static_cast<double>(count));
    series.count = histogram.count;
    series.smallest = histogram.smallest;
    series.largest = histogram.largest;
    series.variant = results.variant;
    return series;
}

QString accumulatorText(const MatmulResults& results) {
    const ProductVariantResult* variant = shownVariant(results);
    if (!variant || !variant->product || !variant->product->isInteger) return {};
    const AccumulatorHistogram& h = variant->product->accumulators;
    const auto beyond = [&](int bits) {
        return tr("beyond int%1: %2")
            .arg(bits)
            .arg(formatPercent(static_cast<double>(h.beyond(bits)) /
                               static_cast<double>(std::max<int64_t>(1, h.count))));
    };
    return tr("%1 … %2 · %3 · %4")
        .arg(formatCount(h.smallest), formatCount(h.largest), beyond(16), beyond(24));
}

std::vector<KernelRow> kernelRows(const MatmulResults& results) {
    std::vector<KernelRow> rows;
    if (!results.costs) return rows;
    for (const KernelTiming& kernel : results.costs->kernels) {
        KernelRow row;
        row.name = QString::fromStdString(kernel.name);
        row.reason = QString::fromStdString(kernel.reason);
        row.seconds = kernel.seconds;
        row.gops = kernel.gops;
        row.shareOfPeak = kernel.shareOfPeak;
        row.isChosen = kernel.isChosen;
        if (kernel.isDevice && row.reason.isEmpty())
            row.note = tr("%1 with transfer").arg(times(kernel.secondsWithTransfer));
        if (kernel.wrongShare > 0) row.note = tr("%1 wrong").arg(formatPercent(kernel.wrongShare));
        rows.push_back(std::move(row));
    }
    return rows;
}

RooflineSeries rooflineSeries(const MatmulResults& results) {
    RooflineSeries series;
    if (!results.costs) return series;
    series.peakGops = results.costs->peakGops;
    series.bandwidthGbs = results.costs->bandwidthGbs;
    for (const RooflinePoint& point : results.costs->points)
        series.points.push_back({QString::fromStdString(point.label), point.opsPerByte, point.gops});
    return series;
}

}  // namespace quantscope
