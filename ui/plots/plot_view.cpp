// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/plot_view.h"

#include <qcustomplot.h>

#include <QVBoxLayout>

#include "plots/axis_tickers.h"
#include "plots/number_format.h"
#include "plots/painting.h"
#include "theme/theme_controller.h"

namespace quantscope {

/// Hands QCustomPlot's painter to a function, on a layer of its own.
class PaintLayer : public QCPLayerable {
 public:
    PaintLayer(QCustomPlot* plot, const QString& layer, std::function<void(QPainter&)> paint)
        : QCPLayerable(plot, layer), m_paint(std::move(paint)) {}

 protected:
    void applyDefaultAntialiasingHint(QCPPainter* painter) const override { painter->setAntialiasing(false); }
    void draw(QCPPainter* painter) override {
        painter->save();
        m_paint(*painter);
        painter->restore();
    }

 private:
    std::function<void(QPainter&)> m_paint;
};

PlotView::PlotView(ThemeController* themes, QWidget* parent)
    : QWidget(parent), m_themes(themes), m_plot(new QCustomPlot(this)) {
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_plot);
    m_plot->setFocusPolicy(Qt::NoFocus);
    setFocusPolicy(Qt::StrongFocus);
    m_plot->installEventFilter(this);
    m_plot->setInteractions(QCP::Interactions());
    m_plot->setNotAntialiasedElements(QCP::aeAll);
    for (QCPAxis* axis : {m_plot->xAxis, m_plot->yAxis}) {
        axis->setNumberFormat(QStringLiteral("g"));
        axis->grid()->setVisible(false);
        axis->setSubTicks(false);
        axis->setTicker(QSharedPointer<NumberTicker>::create(5));
    }
    const auto paintAll = [this](QPainter& painter) {
        paintMargins(painter, m_plot->axisRect()->rect());
        painter.setClipRect(m_plot->axisRect()->rect().adjusted(0, -1, 1, 1));
        paintData(painter, m_plot->axisRect()->rect());
    };
    // The plot owns its layerables.
    new PaintLayer(m_plot, QStringLiteral("main"), paintAll);
    new PaintLayer(m_plot, QStringLiteral("overlay"), [this](QPainter& painter) { drawOverlay(painter); });
    connect(m_plot, &QCustomPlot::afterReplot, this, [this] { m_painted = true; });
    connect(themes, &ThemeController::changed, this, [this] { applyTheme(); });
    QMetaObject::invokeMethod(
        this, [this] { applyTheme(); }, Qt::QueuedConnection);
    applyTheme();
}

PlotView::~PlotView() {
    m_plot->removeEventFilter(this);
}

const Theme& PlotView::theme() const {
    return m_themes->theme();
}

QFont PlotView::labelFont() const {
    return theme().textFont(11.5);
}

QFont PlotView::tickFont() const {
    return theme().numberFont(11);
}

void PlotView::applyTheme() {
    const Theme& look = theme();
    m_plot->setBackground(QBrush(look.card));
    m_plot->axisRect()->setMinimumMargins(QMargins(look.px(m_margins.left()), look.px(m_margins.top()),
                                                   look.px(m_margins.right()), look.px(m_margins.bottom())));
    for (QCPAxis* axis : {m_plot->xAxis, m_plot->yAxis}) {
        const QPen line(look.axis, look.isPresentation ? 2 : 1);
        axis->setBasePen(line);
        axis->setTickPen(line);
        axis->setTickLabelColor(look.mutedText);
        axis->setTickLabelFont(tickFont());
        axis->setLabelColor(look.mutedText);
        axis->setLabelFont(labelFont());
        axis->setTickLengthIn(0);
        axis->setTickLengthOut(look.px(4));
        axis->setTickLabelPadding(look.px(4));
        axis->setLabelPadding(look.px(3));
        axis->grid()->setPen(QPen(look.grid, 1));
        axis->grid()->setZeroLinePen(QPen(look.grid, 1));
    }
    m_plot->yAxis->setBasePen(Qt::NoPen);
    m_plot->yAxis->setTickLengthOut(0);
    fitAxes();
    themeChanged();
    requestReplot();
}

/// A short axis shows fewer numbers and gives its name up before the data loses its room; hovering still
/// tells.
void PlotView::fitAxes() {
    const Theme& look = theme();
    const int lineHeight = QFontMetrics(tickFont()).height();
    const bool xNamed = height() >= look.px(120);
    const int below = lineHeight + look.px(10) + (xNamed ? lineHeight : 0);
    const int dataHeight = height() - below;
    const bool yNamed =
        width() >= look.px(190) && QFontMetrics(labelFont()).horizontalAdvance(m_yLabel) <= dataHeight;
    m_plot->xAxis->setLabel(xNamed ? m_xLabel : QString());
    m_plot->yAxis->setLabel(yNamed ? m_yLabel : QString());
    const auto fit = [](const QCPAxis* axis, int room) {
        if (auto* ticker = dynamic_cast<FittedTicker*>(axis->ticker().data())) ticker->fit(room);
    };
    fit(m_plot->xAxis, (width() - look.px(50)) / QFontMetrics(tickFont()).horizontalAdvance(u'0') / 5);
    fit(m_plot->yAxis, dataHeight * 6 / (7 * lineHeight));
}

void PlotView::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    fitAxes();
}

QSize PlotView::sizeHint() const {
    return {theme().px(320), theme().px(190)};
}

QSize PlotView::minimumSizeHint() const {
    return {theme().px(90), theme().px(60)};
}

void PlotView::setHome(const AxisRange& x, const AxisRange& y) {
    m_homeX = x;
    m_homeY = y;
    if (!m_zoomed) applyRanges(x, y);
}

void PlotView::applyRanges(const AxisRange& x, const AxisRange& y) {
    m_plot->xAxis->setRange(x.lower, x.upper);
    m_plot->yAxis->setRange(y.lower, y.upper);
    rangesMoved();
    requestReplot();
    Q_EMIT zoomChanged();
}

AxisRange PlotView::xRange() const {
    return {m_plot->xAxis->range().lower, m_plot->xAxis->range().upper};
}

AxisRange PlotView::yRange() const {
    return {m_plot->yAxis->range().lower, m_plot->yAxis->range().upper};
}

void PlotView::resetZoom() {
    m_zoomed = false;
    applyRanges(m_homeX, m_homeY);
    shareRanges();
}

AxisRange PlotView::limited(AxisRange range, const AxisRange& home, double minimumSpan,
                            bool logarithmic) const {
    if (logarithmic) {
        range.lower = std::max(range.lower, home.lower);
        range.upper = std::min(range.upper, home.upper);
        return range.upper > range.lower * 1.001 ? range : home;
    }
    double span = std::min(range.size(), home.size());
    span = std::max(span, minimumSpan > 0 ? std::min(minimumSpan, home.size()) : home.size() * 1e-6);
    const double centre = (range.lower + range.upper) / 2;
    range = {centre - span / 2, centre + span / 2};
    if (range.lower < home.lower) range = {home.lower, home.lower + span};
    if (range.upper > home.upper) range = {home.upper - span, home.upper};
    return range;
}

void PlotView::zoomTo(const AxisRange& x, const AxisRange& y) {
    const bool logX = m_plot->xAxis->scaleType() == QCPAxis::stLogarithmic;
    const bool logY = m_plot->yAxis->scaleType() == QCPAxis::stLogarithmic;
    m_zoomed = true;
    applyRanges(limited(x, m_homeX, m_minimumSpan.x(), logX), limited(y, m_homeY, m_minimumSpan.y(), logY));
    m_zoomed = !(xRange() == m_homeX && yRange() == m_homeY);
    shareRanges();
}

void PlotView::shareRanges() {
    if (m_link) m_link->setRanges(xRange(), yRange(), m_zoomed, this);
}

void PlotView::setLinkGroup(LinkGroup* group) {
    if (m_link) m_link->disconnect(this);
    m_link = group;
    if (!group) return;
    connect(group, &LinkGroup::rangesChanged, this,
            [this](const AxisRange& x, const AxisRange& y, bool zoomed, const QObject* source) {
                if (source == this) return;
                m_zoomed = zoomed;
                if (!zoomed) return applyRanges(m_homeX, m_homeY);
                applyRanges(x, m_link->sharesY() ? y : yRange());
            });
    connect(group, &LinkGroup::crosshairMoved, this, [this](double x, double y, const QObject* source) {
        if (source != this) setCrosshair(QPointF(x, y), false);
    });
    connect(group, &LinkGroup::crosshairCleared, this, [this](const QObject* source) {
        if (source != this) setCrosshair(std::nullopt, false);
    });
}

std::optional<double> PlotView::crosshairX() const {
    if (!m_crosshair) return std::nullopt;
    return m_crosshair->x();
}

void PlotView::setCrosshair(std::optional<QPointF> position, bool tellOthers) {
    if (!m_crosshair && !position) return;
    m_crosshair = position;
    requestOverlay();
    if (!tellOthers || !m_link) return;
    if (position)
        m_link->setCrosshair(position->x(), position->y(), this);
    else
        m_link->clearCrosshair(this);
}

QRect PlotView::plotArea() const {
    return m_plot->axisRect()->rect();
}

QPointF PlotView::positionOf(double x, double y) const {
    return {pixelX(x), pixelY(y)};
}

double PlotView::xAt(double pixel) const {
    return m_plot->xAxis->pixelToCoord(pixel);
}

double PlotView::yAt(double pixel) const {
    return m_plot->yAxis->pixelToCoord(pixel);
}

double PlotView::pixelX(double x) const {
    return m_plot->xAxis->coordToPixel(x);
}

double PlotView::pixelY(double y) const {
    return m_plot->yAxis->coordToPixel(y);
}

void PlotView::setLogX(int maximumLabels) {
    m_plot->xAxis->setScaleType(QCPAxis::stLogarithmic);
    m_plot->xAxis->setTicker(QSharedPointer<DecadeTicker>::create(maximumLabels));
}

void PlotView::setLogY(int maximumLabels) {
    m_plot->yAxis->setScaleType(QCPAxis::stLogarithmic);
    m_plot->yAxis->setTicker(QSharedPointer<DecadeTicker>::create(maximumLabels));
}

void PlotView::setAxisLabels(const QString& x, const QString& y) {
    m_xLabel = x;
    m_yLabel = y;
    fitAxes();
}

void PlotView::showAxes(bool x, bool y) {
    m_plot->xAxis->setVisible(x);
    m_plot->yAxis->setVisible(y);
}

void PlotView::setYReversed(bool reversed) {
    m_plot->yAxis->setRangeReversed(reversed);
}

void PlotView::reserveMargins(int left, int top, int right, int bottom) {
    m_margins = QMargins(left, top, right, bottom);
    applyTheme();
}

void PlotView::setTextTicks(Qt::Orientation orientation, const QVector<double>& positions,
                            const QVector<QString>& texts) {
    const auto ticker = QSharedPointer<QCPAxisTickerText>::create();
    ticker->setTicks(positions, texts);
    (orientation == Qt::Horizontal ? m_plot->xAxis : m_plot->yAxis)->setTicker(ticker);
}

void PlotView::setTickCount(int x, int y) {
    m_plot->xAxis->setTicker(QSharedPointer<NumberTicker>::create(x));
    m_plot->yAxis->setTicker(QSharedPointer<NumberTicker>::create(y));
    fitAxes();
}

void PlotView::requestReplot() {
    m_plot->replot(QCustomPlot::rpQueuedReplot);
}

void PlotView::requestOverlay() {
    // A layer has a buffer of its own only after the first full replot; until then that one draws it anyway.
    if (m_painted)
        m_plot->layer(QStringLiteral("overlay"))->replot();
    else
        requestReplot();
}

void PlotView::paintMargins(QPainter&, const QRect&) {}

void PlotView::paintOverlay(QPainter&, const QRect&) {}

QString PlotView::hoverText(double, double) const {
    return {};
}

QString PlotView::crosshairText(double x, double) const {
    return formatNumber(x, 4);
}

void PlotView::hoverMoved(const QPointF&) {}

bool PlotView::pressed(const QPointF&) {
    return false;
}

void PlotView::dragged(const QPointF&) {}

void PlotView::released(const QPointF&) {}

void PlotView::clicked(const QPointF&) {}

void PlotView::extendMenu(QMenu&) {}

void PlotView::drawOverlay(QPainter& painter) {
    const QRect area = plotArea();
    paintOverlay(painter, area);
    if (m_crosshairEnabled) drawCrosshair(painter, area);
    if (m_drag && m_drag->moved && m_drag->kind == Drag::Kind::Rectangle) {
        QRect box = QRect(m_drag->start, m_drag->current).normalized();
        if (m_zoomAxes == ZoomAxes::X) box = QRect(box.left(), area.top(), box.width(), area.height() - 1);
        painter.setPen(QPen(theme().accent, theme().px(1.4)));
        painter.setBrush(Qt::NoBrush);
        painter.drawRect(box.intersected(area));
    }
}

void PlotView::drawCrosshair(QPainter& painter, const QRect& area) {
    if (!m_crosshair) return;
    const double x = pixelX(m_crosshair->x());
    if (x < area.left() - 0.5 || x > area.right() + 1.5) return;
    const int column = qRound(x);
    painter.setPen(QPen(theme().crosshair, theme().isPresentation ? 2 : 1, Qt::DashLine));
    painter.drawLine(column, area.top(), column, area.bottom());
    const bool both = m_link && m_link->sharesY();
    const double y = pixelY(m_crosshair->y());
    if (both && y >= area.top() && y <= area.bottom())
        painter.drawLine(area.left(), qRound(y), area.right(), qRound(y));
    const QString text = crosshairText(m_crosshair->x(), m_crosshair->y());
    if (!text.isEmpty()) drawTag(painter, theme(), tickFont(), QPoint(column, area.top()), text, area);
}

}  // namespace quantscope
