// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/accumulator_view.h"

#include <algorithm>
#include <cmath>

#include "plots/number_format.h"
#include "plots/painting.h"

namespace quantscope {
namespace {

constexpr int kLimits[] = {16, 24, 32};

}  // namespace

AccumulatorView::AccumulatorView(ThemeController* themes, QWidget* parent) : PlotView(themes, parent) {
    setExportName(QStringLiteral("accumulators"));
    setZoomAxes(ZoomAxes::None);
    setAxisLabels(tr("bits needed, with the sign"), tr("per cent"));
    setTickCount(5, 3);
    setTextTicks(Qt::Horizontal, {8, 16, 24, 32},
                 {QStringLiteral("8"), QStringLiteral("16"), QStringLiteral("24"), QStringLiteral("32")});
    setHome({0.5, 40.5}, {0, 100});
    setExplanation(
        tr("<p>Every sum Σ a b of the product, by the bits it needs: b bits hold −2<sup>b−1</sup> … "
           "2<sup>b−1</sup> − 1. "
           "A bar right of a limit is a sum that an accumulator of this width would get wrong.</p>"
           "<p>The product of two int8 codes needs up to 15 bits, so an int16 accumulator may overflow at "
           "the third "
           "addition; K products need log2 K bits more. int32 is safe up to K = 131,071.</p>"));
}

void AccumulatorView::setSeries(AccumulatorSeries series) {
    m_series = std::move(series);
    double largest = 0;
    for (const double count : m_series.byBits) largest = std::max(largest, count);
    const double share = m_series.count > 0 ? 100 * largest / static_cast<double>(m_series.count) : 100;
    setHome({0.5, 40.5}, {0, share * 1.25});
    requestReplot();
}

void AccumulatorView::paintData(QPainter& painter, const QRect& area) {
    if (m_series.count == 0)
        return drawSentence(painter, theme(), area, tr("One side is float: nothing is summed in integers."));
    std::vector<double> shares;
    for (size_t bits = 1; bits < m_series.byBits.size(); ++bits)
        shares.push_back(100 * m_series.byBits[bits] / static_cast<double>(m_series.count));
    FilledBars bars;
    bars.heights = shares;
    bars.firstEdge = 0.5;
    bars.width = 1;
    bars.pixelX = [this](double x) { return pixelX(x); };
    bars.pixelY = [this](double y) { return pixelY(y); };
    bars.baseline = area.bottom() + 1;
    bars.gaps = true;
    bars.paint(painter, area, theme().variantColor(m_series.variant));
    for (const int limit : kLimits) {
        const int x = qRound(pixelX(limit + 0.5));
        painter.fillRect(QRect(x, area.top(), theme().px(1), area.height()), theme().warning);
        const QString tag = QStringLiteral("int%1").arg(limit);
        const int width = QFontMetrics(tickFont()).horizontalAdvance(tag) + theme().px(12);
        if (pixelX(limit + 8) - pixelX(limit) > width)
            drawTag(painter, theme(), tickFont(), {x, area.top()}, tag, area);
    }
}

QString AccumulatorView::hoverText(double x, double) const {
    const auto bits = static_cast<int>(std::lround(x));
    if (bits < 1 || bits >= static_cast<int>(m_series.byBits.size()) || m_series.count == 0) return {};
    const double count = m_series.byBits[static_cast<size_t>(bits)];
    return tr("%1 bits: %2 of %3 sums (%4)")
        .arg(bits)
        .arg(formatCount(static_cast<int64_t>(count)), formatCount(m_series.count),
             formatPercent(count / static_cast<double>(m_series.count)));
}

QString AccumulatorView::crosshairText(double x, double) const {
    return tr("%1 bits").arg(static_cast<int>(std::lround(x)));
}

PlotTable AccumulatorView::table() const {
    PlotTable table{{QStringLiteral("bits"), QStringLiteral("accumulators")}, {}};
    for (size_t bits = 1; bits < m_series.byBits.size(); ++bits)
        table.rows.append({QString::number(bits), exactNumber(m_series.byBits[bits])});
    return table;
}

}  // namespace quantscope
