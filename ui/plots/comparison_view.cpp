// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/comparison_view.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "plots/label_placement.h"
#include "plots/number_format.h"
#include "plots/painting.h"

namespace quantscope {

namespace {

constexpr double kRadius = 5;
constexpr double kReach = 14;  // a point is meant from so many pixels away

QPointF nearestIn(const QRectF& box, const QPointF& point) {
    return {std::clamp(point.x(), box.left(), box.right()), std::clamp(point.y(), box.top(), box.bottom())};
}

double distance(const QRectF& box, const QPointF& point) {
    const QPointF away = nearestIn(box, point) - point;
    return std::hypot(away.x(), away.y());
}

QRectF between(const QPointF& a, const QPointF& b, double thickness) {
    return QRectF(a, b).normalized().adjusted(-thickness, -thickness, thickness, thickness);
}

}  // namespace

ComparisonView::ComparisonView(ThemeController* themes, QWidget* parent) : PlotView(themes, parent) {
    setExportName(QStringLiteral("comparison"));
    setCrosshairEnabled(false);
    setZoomAxes(ZoomAxes::Both);
    setLogX(7);
    setLogY(5);
    reserveMargins(4, 6, 10, 2);
    setAxisLabels(tr("bits per weight"));
    setHome({2, 32}, {1, 10});
    setExplanation(
        tr("<p>What each variant loses, over what it costs: bits per weight of the quantized layers with "
           "scales, zero points and codebooks. Lower and further left is better. The steps join the "
           "variants that no other one beats in both (the Pareto front); a point above the steps has a "
           "better one at its size.</p>"
           "<p>Whiskers: ±1 standard error of the difference to the reference, paired token by token on "
           "the same text. Dashed: the reference. An arrow at the upper edge: far worse than the axis "
           "shows. Click a point to open its variant.</p>"));
}

void ComparisonView::setSeries(ComparisonSeries series) {
    m_series = std::move(series);
    m_hovered = -1;
    setRanges();
    requestReplot();
}

void ComparisonView::setSelected(int variant) {
    if (m_selected == variant) return;
    m_selected = variant;
    requestReplot();
}

void ComparisonView::setRanges() {
    double low = std::numeric_limits<double>::infinity();
    double high = 0;
    double narrow = std::numeric_limits<double>::infinity();
    double wide = 0;
    m_ceiling = m_series.tallest > 0 && m_series.reference > 0 ? m_series.tallest * m_series.reference
                                                               : std::numeric_limits<double>::infinity();
    for (const ComparisonPoint& point : m_series.points) {
        if (point.bitsPerWeight > 0) {
            narrow = std::min(narrow, point.bitsPerWeight);
            wide = std::max(wide, point.bitsPerWeight);
        }
        if (!(point.loss > 0) || point.loss > m_ceiling) continue;
        low = std::min(low, point.loss);
        high = std::max(high, std::min(point.loss + point.standardError, m_ceiling));
    }
    if (!(high > 0) || !(wide > 0)) return;
    // Less than five per cent between the variants is drawn as little.
    const double span = std::max(std::log(high / low), std::log(1.05));
    const bool decades = span > std::log(5.0);
    setAxisLabels(tr("bits per weight"), m_series.lossName);
    if (decades)
        setLogY(5);
    else
        setTickCount(4, 4);
    QVector<double> ticks;
    QVector<QString> texts;
    for (const double bits : {1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 32.0}) {
        ticks.append(bits);
        texts.append(formatNumber(bits));
    }
    setTextTicks(Qt::Horizontal, ticks, texts);
    setHome({narrow / 1.18, wide * 1.18}, {low * std::exp(-0.14 * span), high * std::exp(0.22 * span)});
}

bool ComparisonView::isBeyond(size_t index) const {
    return !(m_series.points[index].loss <= m_ceiling);
}

QPointF ComparisonView::pointAt(size_t index) const {
    const ComparisonPoint& point = m_series.points[index];
    const QRect area = plotArea();
    const double x = pixelX(std::max(point.bitsPerWeight, 1e-6));
    if (isBeyond(index)) return {x, area.top() + theme().px(kRadius) + 1.0};
    // A loss of nothing, the reference's divergence from itself, lies below every logarithmic axis.
    if (!(point.loss > 0)) return {x, area.bottom() - theme().px(kRadius) - 1.0};
    return {x, pixelY(point.loss)};
}

QRectF ComparisonView::whisker(size_t index) const {
    const ComparisonPoint& point = m_series.points[index];
    if (isBeyond(index) || !(point.loss > 0) || !(point.standardError > 0)) return {};
    const double x = pixelX(point.bitsPerWeight);
    const double top = pixelY(point.loss + point.standardError);
    const double low = point.loss - point.standardError;
    const double bottom = low > 0 ? pixelY(low) : plotArea().bottom();
    return {x - theme().px(4), top, 2.0 * theme().px(4), bottom - top};
}

/// From above the smallest point of the front, down and right along it, to the right edge.
QPolygonF ComparisonView::steps(const QRect& area) const {
    QPolygonF line;
    for (const size_t index : m_series.front) {
        const QPointF point = pointAt(index);
        line.append(QPointF(point.x(), line.isEmpty() ? area.top() : line.back().y()));
        line.append(point);
    }
    if (!line.isEmpty()) line.append(QPointF(area.right(), line.back().y()));
    return line;
}

void ComparisonView::paintReference(QPainter& painter, const QRect& area) const {
    if (!(m_series.reference > 0)) return;
    const int row = qRound(pixelY(m_series.reference));
    painter.setPen(QPen(theme().text, theme().isPresentation ? 2 : 1, Qt::DashLine));
    painter.drawLine(area.left(), row, area.right(), row);
}

void ComparisonView::paintPoint(QPainter& painter, size_t index) const {
    const ComparisonPoint& point = m_series.points[index];
    const QPointF at = pointAt(index);
    const QColor own = theme().variantColor(point.variant);
    const QColor color = m_series.complete ? own : previewColor(own, theme());
    const QRectF bar = whisker(index);
    if (!bar.isEmpty()) {
        painter.setPen(QPen(readable(own, theme()), theme().lineWidth));
        painter.drawLine(QPointF(at.x(), bar.top()), QPointF(at.x(), bar.bottom()));
        for (const double end : {bar.top(), bar.bottom()})
            painter.drawLine(QPointF(bar.left(), end), QPointF(bar.right(), end));
    }
    const double radius = theme().px(kRadius);
    const bool isSelected = point.variant == m_selected;
    painter.setPen(QPen(isSelected ? theme().text : theme().card, isSelected ? theme().px(2) : 1));
    painter.setBrush(color);
    if (isBeyond(index)) {
        painter.drawPolygon(QPolygonF({at + QPointF(0, -radius), at + QPointF(radius, radius * 0.8),
                                       at + QPointF(-radius, radius * 0.8)}));
    } else {
        painter.drawEllipse(at, radius, radius);
    }
}

/// Names beside their points; where a name finds no room, its letter, with a line where that lies apart.
void ComparisonView::paintLabels(QPainter& painter, const QRect& area) {
    const QFont font = theme().textFont(11.5, QFont::Medium);
    const QFontMetrics metrics(font);
    const double radius = theme().px(kRadius);
    std::vector<QRectF> taken;
    for (size_t i = 0; i < m_series.points.size(); ++i)
        if (const QRectF bar = whisker(i); !bar.isEmpty()) taken.push_back(bar);
    const QPolygonF line = steps(area);
    for (int i = 0; i + 1 < line.size(); ++i) taken.push_back(between(line[i], line[i + 1], 1));
    if (m_series.reference > 0) {
        const double row = pixelY(m_series.reference);
        taken.push_back(between({double(area.left()), row}, {double(area.right()), row}, 1));
    }
    // A name that lies apart would need a line through the others.
    const double near = radius + 0.8 * metrics.height();
    const size_t count = m_series.points.size();
    std::vector<bool> brief(count, false);
    for (bool changed = true; changed;) {
        m_labels = placed(brief, metrics, area, taken);
        changed = false;
        for (size_t i = 0; i < count; ++i) {
            if (brief[i] || (!m_labels[i].isEmpty() && distance(m_labels[i], pointAt(i)) <= near)) continue;
            brief[i] = changed = true;
        }
    }
    painter.setFont(font);
    for (size_t i = 0; i < count; ++i) {
        const QRectF& box = m_labels[i];
        if (box.isEmpty()) continue;
        const QPointF at = pointAt(i);
        if (distance(box, at) > near) {
            painter.setPen(QPen(theme().mutedText, 1));
            painter.drawLine(at, nearestIn(box, at));
        }
        painter.setPen(readable(theme().variantColor(m_series.points[i].variant), theme()));
        painter.drawText(box, Qt::AlignCenter, labelOf(i, brief[i]));
    }
}

QString ComparisonView::labelOf(size_t index, bool brief) const {
    const ComparisonPoint& point = m_series.points[index];
    if (brief) return variantLetter(point.variant);
    return isBeyond(index) ? QStringLiteral("%1  %2").arg(point.name, formatNumber(point.loss)) : point.name;
}

/// Label boxes in the order of the points; letters are placed first, because they were short of room.
std::vector<QRectF> ComparisonView::placed(const std::vector<bool>& brief, const QFontMetrics& metrics,
                                           const QRect& area, const std::vector<QRectF>& taken) const {
    std::vector<size_t> order(brief.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_partition(order.begin(), order.end(), [&](size_t i) { return brief[i]; });
    std::vector<LabelRequest> requests;
    requests.reserve(order.size());
    for (const size_t i : order)
        requests.push_back(
            {pointAt(i), QSizeF(metrics.horizontalAdvance(labelOf(i, brief[i])) + 4, metrics.height())});
    const auto boxes = placeLabels(requests, area, taken, theme().px(kRadius));
    std::vector<QRectF> inOrder(boxes.size());
    for (size_t i = 0; i < order.size(); ++i) inOrder[order[i]] = boxes[i];
    // A letter over a line is better than none.
    for (size_t i = 0; i < order.size(); ++i) {
        if (!brief[order[i]] || !boxes[i].isEmpty()) continue;
        std::vector<QRectF> others = inOrder;
        for (const LabelRequest& other : requests)
            others.push_back(between(other.point, other.point, theme().px(kRadius)));
        inOrder[order[i]] = placeLabels({requests[i]}, area, others, theme().px(kRadius)).front();
    }
    return inOrder;
}

void ComparisonView::paintData(QPainter& painter, const QRect& area) {
    m_labels.clear();
    if (m_series.points.empty())
        return drawSentence(painter, theme(), area, tr("Evaluate to see loss against size."));
    painter.setRenderHint(QPainter::Antialiasing);
    paintReference(painter, area);
    painter.setPen(QPen(theme().mutedText, theme().lineWidth));
    painter.setBrush(Qt::NoBrush);
    painter.drawPolyline(steps(area));
    paintLabels(painter, area);
    for (size_t i = 0; i < m_series.points.size(); ++i) paintPoint(painter, i);
}

void ComparisonView::paintOverlay(QPainter& painter, const QRect& area) {
    if (m_hovered < 0 || m_hovered >= static_cast<int>(m_series.points.size())) return;
    const ComparisonPoint& point = m_series.points[static_cast<size_t>(m_hovered)];
    const QPointF at = pointAt(static_cast<size_t>(m_hovered));
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(theme().text, theme().px(1.5)));
    painter.setBrush(Qt::NoBrush);
    painter.drawEllipse(at, theme().px(kRadius + 2.5), theme().px(kRadius + 2.5));
    drawNote(painter, theme(), at, QStringList{point.name} + point.details.split(QLatin1Char('\n')), area);
}

int ComparisonView::nearest(const QPointF& position) const {
    int best = -1;
    double least = theme().px(kReach);
    for (size_t i = 0; i < m_series.points.size(); ++i) {
        const QPointF away = pointAt(i) - position;
        const double distance = std::hypot(away.x(), away.y());
        if (distance > least) continue;
        least = distance;
        best = static_cast<int>(i);
    }
    return best;
}

void ComparisonView::hoverMoved(const QPointF& position) {
    m_hovered = nearest(position);
}

QString ComparisonView::hoverText(double x, double y) const {
    const int index = nearest(positionOf(x, y));
    if (index < 0) return {};
    const ComparisonPoint& point = m_series.points[static_cast<size_t>(index)];
    return point.name + QStringLiteral(": ") +
           QString(point.details).replace(QLatin1Char('\n'), QStringLiteral(" · "));
}

void ComparisonView::clicked(const QPointF& position) {
    const int index = nearest(position);
    if (index < 0) return;
    setSelected(m_series.points[static_cast<size_t>(index)].variant);
    Q_EMIT variantSelected(m_selected);
}

PlotTable ComparisonView::table() const {
    PlotTable table{{QStringLiteral("variant"), QStringLiteral("bits_per_weight"), m_series.lossKey,
                     QStringLiteral("standard_error"), QStringLiteral("on_pareto_front")},
                    {}};
    for (size_t i = 0; i < m_series.points.size(); ++i) {
        const ComparisonPoint& point = m_series.points[i];
        const bool isBest =
            std::find(m_series.front.begin(), m_series.front.end(), i) != m_series.front.end();
        table.rows.append({point.name, exactNumber(point.bitsPerWeight), exactNumber(point.loss),
                           exactNumber(point.standardError),
                           isBest ? QStringLiteral("1") : QStringLiteral("0")});
    }
    return table;
}

}  // namespace quantscope
