// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/perplexity_view.h"

#include <algorithm>
#include <cmath>

#include "plots/number_format.h"
#include "plots/painting.h"

namespace quantscope {

namespace {

// A broken variant (perplexity in the thousands) must not flatten the others: the axis ends here, times the
// reference.
constexpr double kTallest = 6;

/// The longest way to say the difference that fits; nothing where none does.
QString fittingDifference(const PerplexityBar& bar, const QFontMetrics& metrics, int room) {
    const QString change = formatSigned(bar.deltaNll, 3);
    const QString brief = formatSigned(bar.deltaNll, 2);
    const QString error = formatNumber(bar.deltaNllSe, 2);
    const QStringList choices =
        bar.isReference ? QStringList{PerplexityView::tr("reference"), PerplexityView::tr("ref.")}
                        : QStringList{PerplexityView::tr("Δ %1 ± %2 nat").arg(change, error),
                                      QStringLiteral("%1 ± %2").arg(change, formatNumber(bar.deltaNllSe, 1)),
                                      PerplexityView::tr("Δ %1").arg(change), change, brief};
    const auto fits = [&](const QString& choice) { return metrics.horizontalAdvance(choice) <= room; };
    const auto found = std::find_if(choices.begin(), choices.end(), fits);
    return found == choices.end() ? QString() : *found;
}

struct Label {
    QFont font;
    QString text;
};

/// The value with as many digits as fit, three at least, then in smaller letters; empty where none fits.
Label fittingValue(double perplexity, const Theme& theme, std::initializer_list<double> sizes, int room) {
    for (const double size : sizes)
        for (int digits = perplexity < 1000 ? 4 : 3; digits >= 3; --digits) {
            Label label{theme.numberFont(size), formatNumber(perplexity, digits)};
            if (QFontMetrics(label.font).horizontalAdvance(label.text) <= room) return label;
        }
    return {};
}

}  // namespace

PerplexityView::PerplexityView(ThemeController* themes, QWidget* parent) : PlotView(themes, parent) {
    setExportName(QStringLiteral("perplexity"));
    setZoomAxes(ZoomAxes::None);
    setCrosshairEnabled(false);
    showAxes(false, false);
    reserveMargins(6, 4, 6, 40);
    setExplanation(
        tr("<p>Perplexity = exp(mean negative log-likelihood) over the scored tokens: the number of words "
           "the model is "
           "on average undecided between; lower is better. The whisker is ±1 standard error of that "
           "mean.</p><p>Below: the "
           "mean difference to the reference in nats a token, paired token by token on the same text. "
           "Pairing makes its "
           "standard error much smaller than the whiskers, so that two variants can differ clearly although "
           "their "
           "whiskers overlap.</p>"));
}

void PerplexityView::setSeries(PerplexitySeries series) {
    m_series = std::move(series);
    double largest = 0;
    double reference = 0;
    for (const PerplexityBar& bar : m_series.bars) {
        if (std::isfinite(bar.perplexity)) largest = std::max(largest, bar.perplexity + bar.standardError);
        if (bar.isReference) reference = bar.perplexity;
    }
    m_ceiling = reference > 0 ? std::min(largest, kTallest * reference) : largest;
    if (m_ceiling <= 0) m_ceiling = 1;
    setHome({0, static_cast<double>(std::max<size_t>(1, m_series.bars.size()))},
            {0, m_ceiling * (m_series.complete ? 1.22 : 1.45)});
    requestReplot();
}

QRect PerplexityView::slot(const QRect& area, size_t index) const {
    const double step = static_cast<double>(area.width()) / static_cast<double>(m_series.bars.size());
    const int left = area.left() + qRound(step * static_cast<double>(index));
    return {left, area.top(), qRound(step), area.height()};
}

PerplexityView::BarPlace PerplexityView::placeOf(const QRect& area, size_t index) const {
    const PerplexityBar& bar = m_series.bars[index];
    BarPlace place;
    place.slot = slot(area, index);
    place.broken = !(bar.perplexity <= m_ceiling * 1.0001);
    const int width = std::min(theme().px(72), place.slot.width() * 2 / 3);
    const int top = qRound(pixelY(place.broken ? m_ceiling : bar.perplexity));
    place.bar = QRect(place.slot.center().x() - width / 2, top, width, area.bottom() + 1 - top);
    place.high = place.broken ? top : qRound(pixelY(bar.perplexity + bar.standardError));
    place.low = place.broken ? top : qRound(pixelY(bar.perplexity - bar.standardError));
    const QColor own = theme().variantColor(bar.variant);
    place.color = m_series.complete ? own : previewColor(own, theme());
    return place;
}

void PerplexityView::paintBar(QPainter& painter, const BarPlace& place) const {
    painter.fillRect(place.bar, place.color);
    if (place.broken) {
        // Two gaps across the bar say "not to scale".
        for (const int offset : {10, 16})
            painter.fillRect(place.bar.left() - 2, place.bar.top() + theme().px(offset),
                             place.bar.width() + 4, theme().px(3), theme().card);
        return;
    }
    const int middle = place.slot.center().x();
    const int thick = theme().px(1.5);
    painter.fillRect(middle - thick / 2, place.high, thick, std::max(1, place.low - place.high),
                     theme().text);
    for (const int end : {place.high, place.low})
        painter.fillRect(middle - theme().px(5), end, theme().px(10) + 1, thick, theme().text);
}

/// Above the bar, or upwards inside it where there are too many bars for that.
void PerplexityView::paintValue(QPainter& painter, const QRect& area, const BarPlace& place,
                                double value) const {
    const int height = theme().px(18);
    const int bottom = std::min(place.bar.top(), place.high) - theme().px(4);
    const Label above = fittingValue(value, theme(), {13, 11}, place.slot.width() - theme().px(4));
    if (!above.text.isEmpty())
        return drawTextOn(
            painter, theme(), above.font,
            QRect(place.slot.left(), std::max(area.top(), bottom - height), place.slot.width(), height),
            Qt::AlignCenter, above.text, theme().text);
    const int top = place.low + theme().px(place.broken ? 22 : 5);
    const QRect inside(place.bar.left(), top, place.bar.width(), area.bottom() - top);
    const Label upwards = fittingValue(value, theme(), {11}, inside.height());
    if (QFontMetrics(upwards.font).height() <= inside.width() + theme().px(2))
        drawUpwards(painter, upwards.font, inside, upwards.text, place.color);
}

void PerplexityView::paintData(QPainter& painter, const QRect& area) {
    if (m_series.bars.empty())
        return drawSentence(painter, theme(), area, tr("Evaluate to see what quantization costs the model."));
    for (size_t i = 0; i < m_series.bars.size(); ++i) paintBar(painter, placeOf(area, i));
    painter.fillRect(area.left(), area.bottom(), area.width() + 1, 1, theme().axis);
    for (const PerplexityBar& bar : m_series.bars) {
        if (!bar.isReference) continue;
        const int row = qRound(pixelY(bar.perplexity));
        painter.setPen(QPen(theme().text, theme().isPresentation ? 2 : 1, Qt::DashLine));
        painter.drawLine(area.left(), row, area.right(), row);
    }
    for (size_t i = 0; i < m_series.bars.size(); ++i)
        paintValue(painter, area, placeOf(area, i), m_series.bars[i].perplexity);
    if (!m_series.complete)
        drawTextOn(painter, theme(), labelFont(), area.adjusted(theme().px(2), 0, 0, 0),
                   Qt::AlignLeft | Qt::AlignTop, tr("estimate after %1").arg(m_series.progress),
                   theme().mutedText);
}

void PerplexityView::paintMargins(QPainter& painter, const QRect& area) {
    if (m_series.bars.empty()) return;
    const int line = theme().px(18);
    for (size_t i = 0; i < m_series.bars.size(); ++i) {
        const PerplexityBar& bar = m_series.bars[i];
        const QRect box = slot(area, i);
        painter.setFont(theme().textFont(13, QFont::DemiBold));
        painter.setPen(readable(theme().variantColor(bar.variant), theme()));
        painter.drawText(QRect(box.left(), area.bottom() + theme().px(3), box.width(), line), Qt::AlignCenter,
                         variantLetter(bar.variant));
        painter.setFont(tickFont());
        painter.setPen(theme().mutedText);
        const QFontMetrics metrics(tickFont());
        painter.drawText(QRect(box.left(), area.bottom() + theme().px(3) + line, box.width(), line),
                         Qt::AlignCenter, fittingDifference(bar, metrics, box.width() - theme().px(8)));
    }
}

QString PerplexityView::hoverText(double x, double) const {
    const auto index = static_cast<size_t>(std::max(0.0, x));
    if (index >= m_series.bars.size()) return {};
    const PerplexityBar& bar = m_series.bars[index];
    QString text = tr("%1: perplexity %2 ± %3")
                       .arg(bar.name, formatNumber(bar.perplexity, 5), formatNumber(bar.standardError, 2));
    if (bar.isReference) return text;
    return text + tr(", %1 ± %2 nat a token against the reference")
                      .arg(formatSigned(bar.deltaNll, 4), formatNumber(bar.deltaNllSe, 2));
}

PlotTable PerplexityView::table() const {
    PlotTable table{{QStringLiteral("variant"), QStringLiteral("perplexity"), QStringLiteral("perplexity_se"),
                     QStringLiteral("delta_nll"), QStringLiteral("delta_nll_se")},
                    {}};
    for (const PerplexityBar& bar : m_series.bars)
        table.rows.append({bar.name, exactNumber(bar.perplexity), exactNumber(bar.standardError),
                           exactNumber(bar.deltaNll), exactNumber(bar.deltaNllSe)});
    return table;
}

}  // namespace quantscope
