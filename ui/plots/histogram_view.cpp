// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/histogram_view.h"

#include <qcustomplot.h>

#include <QMenu>
#include <algorithm>
#include <cmath>

#include "plots/axis_tickers.h"
#include "plots/number_format.h"
#include "plots/painting.h"

namespace quantscope {

namespace {

/// Which colour is which, where the left tail leaves room.
void paintLegend(QPainter& painter, const Theme& look, const QFont& font, const QRect& area,
                 const QColor& quantized) {
    const QFontMetrics metrics(font);
    const int square = look.px(8);
    int top = area.top() + look.px(11);  // below the handles
    painter.setFont(font);
    const std::pair<QString, QColor> entries[] = {{HistogramView::tr("float"), look.reference},
                                                  {HistogramView::tr("dequantized"), quantized}};
    for (const auto& [text, color] : entries) {
        const QRect box(area.left() + look.px(4), top, square + look.px(6) + metrics.horizontalAdvance(text),
                        metrics.height());
        painter.fillRect(box, look.card);
        painter.fillRect(box.left(), box.center().y() - square / 2, square, square, color);
        painter.setPen(look.mutedText);
        painter.drawText(box.adjusted(square + look.px(5), 0, look.px(2), 0),
                         Qt::AlignLeft | Qt::AlignVCenter, text);
        top += metrics.height();
    }
}

/// A limit that lies beyond the axis: an arrow at the edge it left through.
void paintAway(QPainter& painter, const Theme& look, const QRect& area, bool left) {
    const int size = look.px(5);
    const int tip = left ? area.left() : area.right();
    const int back = left ? tip + size : tip - size;
    const int middle = area.top() + size;
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(look.text);
    painter.drawPolygon(
        QPolygon({QPoint(tip, middle), QPoint(back, middle - size), QPoint(back, middle + size)}));
    painter.setRenderHint(QPainter::Antialiasing, false);
}

}  // namespace

HistogramView::HistogramView(ThemeController* themes, QWidget* parent) : PlotView(themes, parent) {
    setExportName(QStringLiteral("histogram"));
    setAxisLabels({}, tr("elements"));
    setExplanation(tr(
        "<p>How often each value occurs. Grey: the float tensor. Colour: the same tensor after quantizing "
        "and "
        "dequantizing, so only the grid's levels remain. The ticks below the bars are the levels; the dashed "
        "lines "
        "are the smallest and largest representable value. What lies outside is <i>clipped</i>; what lies "
        "inside "
        "moves to the nearest level and is <i>rounded</i>. Drag a dashed line to move the clip limit.</p>"));
    updateHome();
}

double HistogramView::largestCount(const HistogramSeries& series) {
    double largest = 1;
    for (const double count : series.reference) largest = std::max(largest, count);
    for (const double count : series.quantized) largest = std::max(largest, count);
    return largest;
}

double HistogramView::heightOf(double count) const {
    return m_logCount ? std::log10(1 + count) : count;
}

void HistogramView::updateHome() {
    if (m_logCount)
        plot()->yAxis->setTicker(QSharedPointer<LogCountTicker>::create());
    else
        plot()->yAxis->setTicker(QSharedPointer<NumberTicker>::create(3));
    const double ceiling = m_ceiling > 0 ? m_ceiling : largestCount(m_series);
    const double high = m_series.high > m_series.low ? m_series.high : m_series.low + 1;
    setHome({m_series.low, high}, {0, heightOf(ceiling) * 1.1});
    fitAxes();
}

void HistogramView::setSeries(HistogramSeries series) {
    m_series = std::move(series);
    updateHome();
    requestReplot();
}

void HistogramView::setCountCeiling(double count) {
    m_ceiling = count;
    updateHome();
}

void HistogramView::setLogCount(bool logCount) {
    if (m_logCount == logCount) return;
    m_logCount = logCount;
    const AxisRange x = xRange();
    const bool zoomed = isZoomed();
    resetZoom();
    updateHome();
    if (zoomed) zoomTo(x, yRange());
    Q_EMIT logCountChanged(logCount);
}

int HistogramView::baseline(const QRect& area) const {
    return area.bottom() + 1 - theme().px(8);
}

void HistogramView::paintBars(QPainter& painter, const QRect& area, const std::vector<double>& counts,
                              const QColor& color) const {
    if (counts.empty()) return;
    std::vector<double> heights(counts.size());
    std::transform(counts.begin(), counts.end(), heights.begin(), [this](double c) { return heightOf(c); });
    const int base = baseline(area);
    const AxisRange y = yRange();
    FilledBars bars;
    bars.heights = heights;
    bars.firstEdge = m_series.low;
    bars.width = (m_series.high - m_series.low) / static_cast<double>(counts.size());
    bars.pixelX = [this](double x) { return pixelX(x); };
    bars.pixelY = [&area, base, y](double h) {
        return base - (h - y.lower) / y.size() * (base - area.top());
    };
    bars.baseline = base;
    bars.gaps = true;
    bars.paint(painter, area, color);
}

void HistogramView::paintOutline(QPainter& painter, const QRect& area) const {
    const auto bins = static_cast<int>(m_series.reference.size());
    const int base = baseline(area);
    const AxisRange y = yRange();
    const double width = (m_series.high - m_series.low) / std::max(1, bins);
    const double pixelsPerBin = std::abs(pixelX(m_series.low + width) - pixelX(m_series.low));
    if (pixelsPerBin < 1.5) return;  // a step line of that density would be a second filled area
    painter.setPen(QPen(mixed(theme().text, theme().reference, 0.35), 1));
    int previous = base;
    for (int i = std::max(0, binAt(xRange().lower)); i < bins; ++i) {
        const int left = qRound(pixelX(m_series.low + width * i));
        const int right = qRound(pixelX(m_series.low + width * (i + 1)));
        if (left > area.right()) break;
        const double height = heightOf(m_series.reference[static_cast<size_t>(i)]);
        const int top = qRound(base - (height - y.lower) / y.size() * (base - area.top()));
        painter.drawLine(left, previous, left, top);
        painter.drawLine(left, top, right, top);
        previous = top;
    }
    painter.drawLine(qRound(pixelX(m_series.high)), previous, qRound(pixelX(m_series.high)), base);
}

void HistogramView::paintLevels(QPainter& painter, const QRect& area) const {
    const int top = baseline(area) + theme().px(2);
    const int height = theme().px(5);
    const AxisRange x = xRange();
    const auto first = std::lower_bound(m_series.levels.begin(), m_series.levels.end(), x.lower);
    const auto last = std::upper_bound(m_series.levels.begin(), m_series.levels.end(), x.upper);
    const QColor color = readable(theme().variantColor(m_series.variant), theme());
    int previous = area.left() - 2;
    for (auto level = first; level != last; ++level) {
        const int column = qRound(pixelX(*level));
        if (column - previous < 2) continue;  // denser than the pixels: every second one stays a tick
        painter.fillRect(column, top, theme().isPresentation ? 2 : 1, height, color);
        previous = column;
    }
}

void HistogramView::paintData(QPainter& painter, const QRect& area) {
    const bool preview = !m_series.sample.isEmpty();
    const QColor own = theme().variantColor(m_series.variant);
    const QColor bars = preview ? previewColor(own, theme()) : own;
    if (m_series.quantized.empty()) {
        paintBars(painter, area, m_series.reference, bars);
    } else {
        paintBars(painter, area, m_series.reference, theme().reference);
        paintBars(painter, area, m_series.quantized, bars);
        paintOutline(painter, area);
    }
    paintLevels(painter, area);
    painter.fillRect(area.left(), baseline(area), area.width() + 1, 1, theme().axis);
    QString note = m_series.sample;
    if (m_series.outside > 0) {
        if (!note.isEmpty()) note += QStringLiteral(" · ");
        note += tr("%1 outside the axis").arg(formatCount(static_cast<int64_t>(m_series.outside)));
    }
    if (!note.isEmpty())
        drawTextOn(painter, theme(), labelFont(), area.adjusted(0, theme().px(13), -theme().px(2), 0),
                   Qt::AlignRight | Qt::AlignTop, note, theme().mutedText);
}

std::optional<AxisRange> HistogramView::shownClip() const {
    return m_dragClip ? m_dragClip : m_series.clip;
}

void HistogramView::paintOverlay(QPainter& painter, const QRect& area) {
    paintLimits(painter, area);
    // Over the dashed lines, so that they do not cross its text.
    const QColor own = theme().variantColor(m_series.variant);
    if (!m_series.quantized.empty() && area.width() > theme().px(150) && area.height() > theme().px(100))
        paintLegend(painter, theme(), labelFont(), area,
                    m_series.sample.isEmpty() ? own : previewColor(own, theme()));
}

void HistogramView::paintLimits(QPainter& painter, const QRect& area) const {
    const std::optional<AxisRange> clip = shownClip();
    if (!clip) return;
    const int base = baseline(area);
    for (const Handle handle : {Handle::Low, Handle::High}) {
        const double value = handle == Handle::Low ? clip->lower : clip->upper;
        const int column = qRound(pixelX(value));
        if (column < area.left() || column > area.right() + 1) {
            if (m_series.clipMovable) paintAway(painter, theme(), area, column < area.left());
            continue;
        }
        const bool active = handle == m_dragging || (handle == m_hovered && m_dragging == Handle::None);
        const QColor color = active ? theme().clipping : theme().text;
        painter.setPen(QPen(color, theme().px(active ? 2 : 1), Qt::DashLine));
        painter.drawLine(column, area.top(), column, base);
        if (m_series.clipMovable) {
            const int half = theme().px(4);
            painter.fillRect(column - half, area.top(), 2 * half + 1, theme().px(9), color);
            painter.fillRect(column, area.top() + theme().px(2), 1, theme().px(5), theme().card);
        }
        if (active)
            drawTag(painter, theme(), tickFont(), QPoint(column + theme().px(4), area.top() + theme().px(18)),
                    tr("clip %1").arg(formatNumber(value, 4)), area);
    }
}

int HistogramView::binAt(double x) const {
    const auto bins = static_cast<double>(m_series.reference.size());
    const double position = (x - m_series.low) / (m_series.high - m_series.low) * bins;
    if (!(position >= 0) || position >= bins) return -1;
    return static_cast<int>(position);
}

QString HistogramView::hoverText(double x, double) const {
    const int bin = binAt(x);
    if (bin < 0) return {};
    const auto at = static_cast<size_t>(bin);
    const QString count = formatCount(static_cast<int64_t>(m_series.reference[at]));
    if (m_series.quantized.empty()) return tr("value %1: %2 elements").arg(formatNumber(x, 4), count);
    return tr("value %1: %2 elements before, %3 after quantization")
        .arg(formatNumber(x, 4), count, formatCount(static_cast<int64_t>(m_series.quantized[at])));
}

QString HistogramView::crosshairText(double x, double) const {
    const int bin = binAt(x);
    if (bin < 0) return {};
    const auto at = static_cast<size_t>(bin);
    const auto& counts = m_series.quantized.empty() ? m_series.reference : m_series.quantized;
    return QStringLiteral("%1: %2").arg(formatNumber(x, 4), formatCount(static_cast<int64_t>(counts[at])));
}

HistogramView::Handle HistogramView::handleAt(const QPointF& position) const {
    if (!m_series.clip || !m_series.clipMovable) return Handle::None;
    const double reach = theme().px(6);
    // A limit beyond the axis is taken at the edge, where its arrow is.
    const QRect area = plotArea();
    const auto shown = [&](double value) {
        return std::clamp(pixelX(value), static_cast<double>(area.left()), static_cast<double>(area.right()));
    };
    const double toLow = std::abs(position.x() - shown(m_series.clip->lower));
    const double toHigh = std::abs(position.x() - shown(m_series.clip->upper));
    if (std::min(toLow, toHigh) > reach) return Handle::None;
    return toLow < toHigh ? Handle::Low : Handle::High;
}

bool HistogramView::pressed(const QPointF& position) {
    m_dragging = handleAt(position);
    if (m_dragging == Handle::None) return false;
    m_dragClip = m_series.clip;
    return true;
}

void HistogramView::dragged(const QPointF& position) {
    if (m_dragging == Handle::None) return;
    const double x = std::clamp(xAt(position.x()), m_series.low, m_series.high);
    AxisRange clip = *m_dragClip;
    const double gap = (m_series.high - m_series.low) * 1e-4;
    if (m_dragging == Handle::Low)
        clip.lower = std::min(x, clip.upper - gap);
    else
        clip.upper = std::max(x, clip.lower + gap);
    m_dragClip = clip;
    requestOverlay();
    Q_EMIT clipDragged(clip.lower, clip.upper);
}

void HistogramView::released(const QPointF&) {
    if (m_dragging == Handle::None) return;
    m_dragging = Handle::None;
    m_dragClip.reset();
    requestOverlay();
    Q_EMIT clipDragFinished();
}

void HistogramView::hoverMoved(const QPointF& position) {
    m_hovered = handleAt(position);
    plot()->setCursor(m_hovered == Handle::None && m_dragging == Handle::None ? Qt::ArrowCursor
                                                                              : Qt::SizeHorCursor);
}

void HistogramView::extendMenu(QMenu& menu) {
    QAction* action = menu.addAction(tr("Logarithmic count"), this, &HistogramView::setLogCount);
    action->setCheckable(true);
    action->setChecked(m_logCount);
}

PlotTable HistogramView::table() const {
    PlotTable table{{QStringLiteral("low"), QStringLiteral("high"), QStringLiteral("float_count")}, {}};
    const bool both = !m_series.quantized.empty();
    if (both) table.header.append(QStringLiteral("dequantized_count"));
    const size_t bins = m_series.reference.size();
    const double width = (m_series.high - m_series.low) / static_cast<double>(std::max<size_t>(1, bins));
    for (size_t i = 0; i < bins; ++i) {
        const double low = m_series.low + width * static_cast<double>(i);
        QStringList row{exactNumber(low), exactNumber(low + width), exactNumber(m_series.reference[i])};
        if (both) row.append(exactNumber(m_series.quantized[i]));
        table.rows.append(row);
    }
    return table;
}

}  // namespace quantscope
