// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/clip_curve_view.h"

#include <QFontMetrics>
#include <algorithm>
#include <cmath>

#include "plots/label_placement.h"
#include "plots/number_format.h"
#include "plots/painting.h"

namespace quantscope {

namespace {

double totalOf(const ClipCurvePoint& point) {
    return point.total();
}
double clippingOf(const ClipCurvePoint& point) {
    return point.clipping;
}
double roundingOf(const ClipCurvePoint& point) {
    return point.rounding;
}

}  // namespace

ClipCurveView::ClipCurveView(ThemeController* themes, QWidget* parent) : PlotView(themes, parent) {
    setExportName(QStringLiteral("clip-curve"));
    setLogX();
    setLogY(4);
    setAxisLabels(tr("clip limit / largest magnitude"), tr("mean squared error"));
    setHome({0.01, 1}, {1e-4, 1});
    setExplanation(
        tr("<p>What a clip limit costs. To the left little fits into the range and clipping dominates; to "
           "the right "
           "the levels lie far apart and rounding dominates (with a limit c and b bits the step is about 2c "
           "/ 2<sup>b</sup> "
           "and the rounding error step² / 12). The total has a minimum between them. Each circle is the "
           "limit that a "
           "range estimator chooses for this tensor; the filled one is in use. Click to clip there.</p>"));
}

void ClipCurveView::setSeries(ClipCurveSeries series) {
    m_series = std::move(series);
    if (!m_series.points.empty()) {
        double largest = 0;
        double smallest = std::numeric_limits<double>::infinity();
        for (const ClipCurvePoint& point : m_series.points) {
            largest = std::max(largest, point.total());
            if (point.total() > 0) smallest = std::min(smallest, point.total());
        }
        if (largest > 0)
            setHome({m_series.points.front().ratio, m_series.points.back().ratio * 1.12},
                    {smallest / 8, largest * 2});
    }
    requestReplot();
}

std::vector<ClipCurveView::NamedCurve> ClipCurveView::curves() const {
    const auto tone = [this](const QColor& color) {
        return m_series.preview ? previewColor(color, theme()) : color;
    };
    return {{tr("rounding"), roundingOf, tone(theme().rounding)},
            {tr("clipping"), clippingOf, tone(theme().clipping)},
            {tr("total"), totalOf, tone(theme().text)}};
}

QPolygonF ClipCurveView::polyline(Component value, const QRect& area) const {
    QPolygonF line;
    for (const ClipCurvePoint& point : m_series.points) {
        const double error = value(point);
        // Zero has no place on a logarithmic axis: the curve leaves through the bottom.
        const double y = error > 0 ? std::min(pixelY(error), area.bottom() + 40.0) : area.bottom() + 40.0;
        line.append(QPointF(pixelX(point.ratio), y));
    }
    return line;
}

std::vector<QRectF> ClipCurveView::curveBoxes(const QRect& area) const {
    std::vector<QRectF> boxes;
    for (const Component value : {&totalOf, &clippingOf, &roundingOf}) {
        const QPolygonF line = polyline(value, area);
        for (qsizetype i = 1; i < line.size(); ++i) {
            const QRectF box = QRectF(line[i - 1], line[i]).normalized().adjusted(-1.5, -1.5, 1.5, 1.5);
            if (box.intersects(area)) boxes.push_back(box);
        }
    }
    return boxes;
}

std::vector<QRectF> ClipCurveView::labelBoxes(const QRect& area) const {
    const QFontMetrics metrics(labelFont());
    std::vector<LabelRequest> requests;
    for (const ClipCurveMark& mark : m_series.marks) {
        const QSizeF size(metrics.horizontalAdvance(mark.label) + 4, metrics.height());
        requests.push_back({QPointF(pixelX(mark.ratio), pixelY(std::max(mark.total, 1e-300))), size});
    }
    return placeLabels(requests, QRectF(area), curveBoxes(area), theme().px(5));
}

void ClipCurveView::paintMarks(QPainter& painter, const QRect& area) const {
    const std::vector<QRectF> boxes = labelBoxes(area);
    painter.setFont(labelFont());
    for (size_t i = 0; i < m_series.marks.size(); ++i) {
        const ClipCurveMark& mark = m_series.marks[i];
        const QPointF centre(pixelX(mark.ratio), pixelY(std::max(mark.total, 1e-300)));
        const QRectF& box = boxes[i];
        if (!box.isEmpty()) {
            const QPointF target(std::clamp(centre.x(), box.left(), box.right()),
                                 std::clamp(centre.y(), box.top(), box.bottom()));
            painter.setPen(QPen(theme().axis, 1));
            if (QLineF(centre, target).length() > theme().px(12)) painter.drawLine(centre, target);
            painter.setPen(mark.current ? theme().text : theme().mutedText);
            painter.drawText(box, Qt::AlignCenter, mark.label);
        }
        painter.setPen(QPen(theme().text, theme().px(1.5)));
        painter.setBrush(mark.current ? theme().variantColor(m_series.variant) : theme().card);
        painter.drawEllipse(centre, theme().px(4), theme().px(4));
    }
}

void ClipCurveView::paintData(QPainter& painter, const QRect& area) {
    if (m_series.points.empty())
        return drawSentence(painter, theme(), area,
                            tr("Nothing to clip: the float reference has no range, and codebooks, blocks and "
                               "scaled or rotated weights have none that a limit would move."));
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setBrush(Qt::NoBrush);
    std::vector<QRectF> taken = curveBoxes(area);
    for (const QRectF& box : labelBoxes(area)) taken.push_back(box);
    const QFontMetrics metrics(labelFont());
    for (const NamedCurve& curve : curves()) {
        painter.setPen(QPen(curve.color, theme().lineWidth * (curve.value == &totalOf ? 1.4 : 1.2)));
        painter.drawPolyline(polyline(curve.value, area));
    }
    // Names sit where a curve is alone: clipping at a quarter, rounding two thirds along what is visible.
    for (const NamedCurve& curve : curves()) {
        const QPolygonF line = polyline(curve.value, area);
        std::vector<QPointF> visible;
        for (const QPointF& point : line)
            if (area.contains(point.toPoint())) visible.push_back(point);
        if (visible.size() < 3) continue;
        const double share = curve.value == &totalOf ? 0.03 : curve.value == &clippingOf ? 0.85 : 0.12;
        const QPointF at = visible[static_cast<size_t>(share * static_cast<double>(visible.size() - 1))];
        const QSizeF size(metrics.horizontalAdvance(curve.name) + 4, metrics.height());
        const QRectF box = placeLabels({{at, size}}, QRectF(area), taken, 2).front();
        if (box.isEmpty()) continue;
        taken.push_back(box);
        painter.setFont(labelFont());
        painter.setPen(readable(curve.color, theme()));
        painter.drawText(box, Qt::AlignCenter, curve.name);
    }
    paintMarks(painter, area);
}

const ClipCurvePoint* ClipCurveView::nearest(double ratio) const {
    if (m_series.points.empty() || ratio <= 0) return nullptr;
    return &*std::min_element(
        m_series.points.begin(), m_series.points.end(), [ratio](const auto& a, const auto& b) {
            return std::abs(std::log(a.ratio / ratio)) < std::abs(std::log(b.ratio / ratio));
        });
}

QString ClipCurveView::hoverText(double x, double) const {
    const ClipCurvePoint* point = nearest(x);
    if (!point) return {};
    return tr("clip at %1 of the largest magnitude: rounding %2 + clipping %3 = %4")
        .arg(formatNumber(point->ratio), formatNumber(point->rounding), formatNumber(point->clipping),
             formatNumber(point->total()));
}

QString ClipCurveView::crosshairText(double x, double) const {
    const ClipCurvePoint* point = nearest(x);
    return point ? QStringLiteral("%1: %2").arg(formatNumber(point->ratio), formatNumber(point->total()))
                 : QString();
}

void ClipCurveView::clicked(const QPointF& position) {
    if (!m_series.points.empty()) Q_EMIT ratioChosen(std::min(1.0, xAt(position.x())));
}

PlotTable ClipCurveView::table() const {
    PlotTable table{
        {QStringLiteral("clip_ratio"), QStringLiteral("rounding_mse"), QStringLiteral("clipping_mse"),
         QStringLiteral("total_mse"), QStringLiteral("estimator")},
        {}};
    for (const ClipCurvePoint& point : m_series.points)
        table.rows.append({exactNumber(point.ratio), exactNumber(point.rounding), exactNumber(point.clipping),
                           exactNumber(point.total()), QString()});
    for (const ClipCurveMark& mark : m_series.marks)
        table.rows.append(
            {exactNumber(mark.ratio), QString(), QString(), exactNumber(mark.total), mark.label});
    return table;
}

}  // namespace quantscope
