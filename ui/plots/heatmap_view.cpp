// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/heatmap_view.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "plots/number_format.h"
#include "plots/painting.h"

namespace quantscope {

namespace {

constexpr int kRegionDelayMs = 40;

QString rangeText(const QString& name, int64_t begin, int64_t end) {
    if (end - begin <= 1) return QStringLiteral("%1 %2").arg(name).arg(begin);
    return QStringLiteral("%1s %2-%3").arg(name).arg(begin).arg(end - 1);
}

}  // namespace

HeatmapView::HeatmapView(ThemeController* themes, QWidget* parent) : PlotView(themes, parent) {
    setExportName(QStringLiteral("heatmap"));
    setZoomAxes(ZoomAxes::Both);
    setDragPans(true);
    setYReversed(true);
    setTickCount(3, 2);
    setMinimumSpan(8, 8);
    arrangeMargins();
    setExplanation(
        tr("<p>The matrix as colours, row 0 on top. Weights have one row an output channel and one column an "
           "input "
           "channel. Zoomed out, a pixel shows the element of largest magnitude among those it covers, so "
           "that outliers "
           "stay visible; zoom in to see single elements.</p>"));
    m_regionTimer.setSingleShot(true);
    m_regionTimer.setInterval(kRegionDelayMs);
    connect(&m_regionTimer, &QTimer::timeout, this, &HeatmapView::requestRegion);
    HeatmapView::themeChanged();
}

void HeatmapView::setTitle(const QString& title) {
    m_title = title;
    arrangeMargins();
    requestReplot();
}

void HeatmapView::setScalePlace(ScalePlace place) {
    m_scalePlace = place;
    arrangeMargins();
}

void HeatmapView::resizeEvent(QResizeEvent* event) {
    PlotView::resizeEvent(event);
    arrangeMargins();
}

void HeatmapView::arrangeMargins() {
    const bool side = m_scalePlace == ScalePlace::Side;
    const bool roomy = width() >= theme().px(230) && height() >= theme().px(130);
    const bool axes = !m_series.values.empty() && (side || roomy);
    showAxes(axes, axes);
    reserveMargins(side || axes ? 4 : 1, m_title.isEmpty() ? 4 : 18, side ? 64 : 6, 2);
}

void HeatmapView::setSeries(HeatmapSeries series) {
    const bool otherShape = series.totalRows != m_series.totalRows || series.totalCols != m_series.totalCols;
    const bool wasEmpty = m_series.values.empty();
    m_series = std::move(series);
    m_imageStale = true;
    themeChanged();
    setHome({0, std::max(1.0, static_cast<double>(m_series.totalCols))},
            {0, std::max(1.0, static_cast<double>(m_series.totalRows))});
    if (wasEmpty != m_series.values.empty()) arrangeMargins();
    if (otherShape && isZoomed()) resetZoom();
    requestReplot();
}

void HeatmapView::setMarked(int64_t row, int64_t col) {
    m_markedRow = row;
    m_markedCol = col;
    requestOverlay();
}

void HeatmapView::themeChanged() {
    m_colors = colorTable(m_series.map, theme());
    m_imageStale = true;
}

int HeatmapView::colorIndex(float value) const {
    double position = 0;
    if (m_series.logMagnitude) {
        const double low = std::log10(std::max(m_series.low, 1e-30));
        const double high = std::log10(std::max(m_series.high, 1e-29));
        position = (std::log10(std::max(std::abs(static_cast<double>(value)), 1e-30)) - low) / (high - low);
    } else {
        const double span = m_series.high - m_series.low;
        position = span > 0 ? (static_cast<double>(value) - m_series.low) / span : 0.5;
    }
    if (!(position == position)) return 0;
    return std::min(255, static_cast<int>(std::clamp(position, 0.0, 1.0) * 256));
}

/// One image pixel a screen pixel: cells are looked up (zoomed in) or pooled by magnitude (zoomed out).
void HeatmapView::buildImage(const QRect& area) {
    m_imageArea = area;
    m_imageStale = false;
    m_image = QImage(area.size(), QImage::Format_RGB32);
    m_image.fill(theme().card);
    const auto cells = [](double from, double to, int64_t begin, int64_t perCell, int64_t count) {
        const auto low = static_cast<int64_t>(
            std::floor((from - static_cast<double>(begin)) / static_cast<double>(perCell)));
        auto high =
            static_cast<int64_t>(std::ceil((to - static_cast<double>(begin)) / static_cast<double>(perCell)));
        if ((to - from) < static_cast<double>(perCell)) high = low + 1;
        return std::pair(std::max<int64_t>(low, 0), std::min(high, count));
    };
    std::vector<std::pair<int64_t, int64_t>> columns;
    columns.reserve(static_cast<size_t>(std::max(0, area.width())));
    for (int x = 0; x < area.width(); ++x)
        columns.push_back(cells(xAt(area.left() + x), xAt(area.left() + x + 1), m_series.region.colBegin,
                                m_series.colsPerCell, m_series.cellCols));
    for (int y = 0; y < area.height(); ++y) {
        const auto [rowLow, rowHigh] =
            cells(yAt(area.top() + y), yAt(area.top() + y + 1), m_series.region.rowBegin,
                  m_series.rowsPerCell, m_series.cellRows);
        if (rowLow >= rowHigh) continue;
        auto* line = reinterpret_cast<QRgb*>(m_image.scanLine(y));
        for (int x = 0; x < area.width(); ++x) {
            const auto [colLow, colHigh] = columns[static_cast<size_t>(x)];
            if (colLow >= colHigh) continue;
            float largest = m_series.values[static_cast<size_t>(rowLow * m_series.cellCols + colLow)];
            for (int64_t row = rowLow; row < rowHigh; ++row)
                for (int64_t col = colLow; col < colHigh; ++col) {
                    const float value = m_series.values[static_cast<size_t>(row * m_series.cellCols + col)];
                    if (std::abs(value) > std::abs(largest)) largest = value;
                }
            line[x] = m_colors[static_cast<size_t>(colorIndex(largest))];
        }
    }
}

void HeatmapView::paintData(QPainter& painter, const QRect& area) {
    if (m_series.values.empty())
        return drawSentence(painter, theme(), area,
                            m_series.sentence.isEmpty() ? tr("Nothing to show yet.") : m_series.sentence);
    if (m_imageStale || m_imageArea != area) buildImage(area);
    painter.drawImage(area.topLeft(), m_image);
}

void HeatmapView::paintMargins(QPainter& painter, const QRect& area) {
    if (!m_title.isEmpty()) paintTitleLine(painter, area);
    if (m_scalePlace == ScalePlace::Side && !m_series.values.empty()) paintSideScale(painter, area);
}

/// Title left; right, as far as there is room, "-0.13 [colours] 0.13".
void HeatmapView::paintTitleLine(QPainter& painter, const QRect& area) {
    const QRect line(area.left(), area.top() - theme().px(18), area.width(), theme().px(16));
    painter.setFont(labelFont());
    painter.setPen(theme().mutedText);
    const int titleWidth = painter.fontMetrics().horizontalAdvance(m_title);
    painter.drawText(line, Qt::AlignLeft | Qt::AlignVCenter,
                     painter.fontMetrics().elidedText(m_title, Qt::ElideRight, line.width()));
    if (m_scalePlace == ScalePlace::Side || m_series.values.empty()) return;
    painter.setFont(tickFont());
    const QFontMetrics metrics(tickFont());
    const QString low = formatNumber(m_series.low, 2);
    const QString high = formatNumber(m_series.high, 2);
    const int gap = theme().px(4);
    const int space = line.width() - titleWidth - 4 * gap - metrics.horizontalAdvance(low + high);
    const int strip = std::min(space, theme().px(56));
    if (strip < theme().px(10)) return;
    int right = line.right() + 1;
    const auto place = [&right, gap](int width) { return std::exchange(right, right - width - gap) - width; };
    const int highWidth = metrics.horizontalAdvance(high);
    painter.drawText(QRect(place(highWidth), line.top(), highWidth, line.height()), Qt::AlignVCenter, high);
    const int left = place(strip);
    for (int x = 0; x < strip; ++x) {
        const auto index = static_cast<size_t>(255 * x / std::max(1, strip - 1));
        painter.fillRect(left + x, line.center().y() - theme().px(4), 1, theme().px(8),
                         QColor(m_colors[index]));
    }
    const int lowWidth = metrics.horizontalAdvance(low);
    painter.drawText(QRect(place(lowWidth), line.top(), lowWidth, line.height()), Qt::AlignVCenter, low);
}

void HeatmapView::paintSideScale(QPainter& painter, const QRect& area) {
    const QRect strip(area.right() + theme().px(8), area.top(), theme().px(8), area.height());
    for (int y = 0; y < strip.height(); ++y) {
        const auto index = static_cast<size_t>(255 - 255 * y / std::max(1, strip.height() - 1));
        painter.fillRect(strip.left(), strip.top() + y, strip.width(), 1, QColor(m_colors[index]));
    }
    painter.setFont(tickFont());
    painter.setPen(theme().mutedText);
    const int height = painter.fontMetrics().height();
    const int left = strip.right() + theme().px(5);
    const auto label = [&](int centre, double value) {
        const int top = std::clamp(centre - height / 2, area.top(), area.bottom() - height + 1);
        painter.drawText(QRect(left, top, theme().px(48), height), Qt::AlignLeft | Qt::AlignVCenter,
                         formatNumber(value, 2));
    };
    label(strip.top(), m_series.high);
    label(strip.bottom(), m_series.low);
    if (strip.height() > 4 * height) {
        const double middle = m_series.logMagnitude ? std::sqrt(m_series.low * m_series.high)
                                                    : (m_series.low + m_series.high) / 2;
        label(strip.center().y(), middle);
    }
}

void HeatmapView::paintOverlay(QPainter& painter, const QRect& area) {
    painter.setClipRect(area);
    painter.setBrush(Qt::NoBrush);
    painter.setPen(QPen(theme().accent, theme().px(1.5)));
    const int low = -theme().px(2);
    if (m_markedCol >= 0) {
        const int left = qRound(pixelX(static_cast<double>(m_markedCol)));
        const int right = std::max(left + 2, qRound(pixelX(static_cast<double>(m_markedCol + 1))));
        painter.drawRect(QRect(left, area.top() + low, right - left, area.height() - 2 * low));
    }
    if (m_markedRow >= 0) {
        const int top = qRound(pixelY(static_cast<double>(m_markedRow)));
        const int bottom = std::max(top + 2, qRound(pixelY(static_cast<double>(m_markedRow + 1))));
        painter.drawRect(QRect(area.left() + low, top, area.width() - 2 * low, bottom - top));
    }
    painter.setClipping(false);
}

const float* HeatmapView::cellAt(int64_t row, int64_t col) const {
    const CellRegion& region = m_series.region;
    if (m_series.values.empty() || row < region.rowBegin || row >= region.rowEnd || col < region.colBegin ||
        col >= region.colEnd)
        return nullptr;
    const int64_t cellRow = (row - region.rowBegin) / m_series.rowsPerCell;
    const int64_t cellCol = (col - region.colBegin) / m_series.colsPerCell;
    if (cellRow >= m_series.cellRows || cellCol >= m_series.cellCols) return nullptr;
    return &m_series.values[static_cast<size_t>(cellRow * m_series.cellCols + cellCol)];
}

QString HeatmapView::cellText(int64_t row, int64_t col) const {
    const float* cell = cellAt(row, col);
    if (!cell) return {};
    const CellRegion& region = m_series.region;
    const int64_t top = row - (row - region.rowBegin) % m_series.rowsPerCell;
    const int64_t left = col - (col - region.colBegin) % m_series.colsPerCell;
    const bool pooled = m_series.rowsPerCell > 1 || m_series.colsPerCell > 1;
    return QStringLiteral("%1, %2: %3%4")
        .arg(rangeText(m_series.rowName, top, std::min(top + m_series.rowsPerCell, region.rowEnd)),
             rangeText(m_series.colName, left, std::min(left + m_series.colsPerCell, region.colEnd)),
             pooled ? tr("largest ") : QString(), formatNumber(static_cast<double>(*cell), 4));
}

bool HeatmapView::elementAt(const QPointF& position, int64_t& row, int64_t& col) const {
    if (!plotArea().contains(position.toPoint())) return false;
    row = static_cast<int64_t>(std::floor(yAt(position.y())));
    col = static_cast<int64_t>(std::floor(xAt(position.x())));
    return row >= 0 && col >= 0 && row < m_series.totalRows && col < m_series.totalCols;
}

QString HeatmapView::hoverText(double x, double y) const {
    return cellText(static_cast<int64_t>(std::floor(y)), static_cast<int64_t>(std::floor(x)));
}

QString HeatmapView::crosshairText(double x, double y) const {
    const float* cell = cellAt(static_cast<int64_t>(std::floor(y)), static_cast<int64_t>(std::floor(x)));
    return cell ? formatNumber(static_cast<double>(*cell), 4) : QString();
}

void HeatmapView::hoverMoved(const QPointF& position) {
    int64_t row = 0;
    int64_t col = 0;
    if (elementAt(position, row, col))
        Q_EMIT elementHovered(row, col);
    else
        Q_EMIT elementLeft();
}

void HeatmapView::hoverLeft() {
    Q_EMIT elementLeft();
}

void HeatmapView::clicked(const QPointF& position) {
    int64_t row = 0;
    int64_t col = 0;
    if (elementAt(position, row, col)) Q_EMIT elementClicked(row, col);
}

void HeatmapView::rangesMoved() {
    m_imageStale = true;
    if (m_series.totalRows > 0) m_regionTimer.start();
}

/// Asks for the region on screen plus a quarter on each side, so that a pan does not run into emptiness; only
/// when the present picture is coarser than elements or misses a part.
void HeatmapView::requestRegion() {
    const auto clampTo = [](double value, int64_t high) {
        return std::clamp<int64_t>(static_cast<int64_t>(std::floor(value)), 0, high);
    };
    const AxisRange x = xRange();
    const AxisRange y = yRange();
    const CellRegion seen{clampTo(y.lower, m_series.totalRows), clampTo(y.upper + 1, m_series.totalRows),
                          clampTo(x.lower, m_series.totalCols), clampTo(x.upper + 1, m_series.totalCols)};
    const CellRegion& have = m_series.region;
    const bool covered = have.rowBegin <= seen.rowBegin && have.rowEnd >= seen.rowEnd &&
                         have.colBegin <= seen.colBegin && have.colEnd >= seen.colEnd;
    const bool whole = !isZoomed();
    const CellRegion wanted = whole ? CellRegion{0, m_series.totalRows, 0, m_series.totalCols}
                                    : CellRegion{clampTo(y.lower - y.size() / 4, m_series.totalRows),
                                                 clampTo(y.upper + y.size() / 4 + 1, m_series.totalRows),
                                                 clampTo(x.lower - x.size() / 4, m_series.totalCols),
                                                 clampTo(x.upper + x.size() / 4 + 1, m_series.totalCols)};
    const bool coarse = m_series.rowsPerCell > 1 || m_series.colsPerCell > 1;
    if (wanted == m_asked || wanted == have || (covered && !coarse)) return;
    m_asked = wanted;
    Q_EMIT regionRequested(wanted);
}

PlotTable HeatmapView::table() const {
    PlotTable table{{m_series.rowName + QLatin1Char('\\') + m_series.colName}, {}};
    for (int64_t col = 0; col < m_series.cellCols; ++col)
        table.header << QString::number(m_series.region.colBegin + col * m_series.colsPerCell);
    for (int64_t row = 0; row < m_series.cellRows; ++row) {
        QStringList line{QString::number(m_series.region.rowBegin + row * m_series.rowsPerCell)};
        for (int64_t col = 0; col < m_series.cellCols; ++col)
            line << QString::number(m_series.values[static_cast<size_t>(row * m_series.cellCols + col)], 'g',
                                    9);
        table.rows.append(line);
    }
    return table;
}

}  // namespace quantscope
