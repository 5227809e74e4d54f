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

void PerplexityView::paintBar(QPainter& painter, const QRect& area, size_t index) const {
    const PerplexityBar& bar = m_series.bars[index];
    const QRect box = slot(area, index);
    const int width = std::min(theme().px(72), box.width() * 2 / 3);
    const int left = box.center().x() - width / 2;
    const QColor own = theme().variantColor(bar.variant);
    const QColor color = m_series.complete ? own : previewColor(own, theme());
    const bool broken = !(bar.perplexity <= m_ceiling * 1.0001);
    const int top = qRound(pixelY(broken ? m_ceiling : bar.perplexity));
    painter.fillRect(left, top, width, area.bottom() + 1 - top, color);
    int labelBottom = top - theme().px(4);
    if (broken) {
        // Two gaps across the bar say "not to scale".
        for (const int offset : {10, 16})
            painter.fillRect(left - 2, top + theme().px(offset), width + 4, theme().px(3), theme().card);
    } else {
        const int high = qRound(pixelY(bar.perplexity + bar.standardError));
        const int low = qRound(pixelY(bar.perplexity - bar.standardError));
        const int middle = box.center().x();
        const int thick = theme().px(1.5);
        painter.fillRect(middle - thick / 2, high, thick, std::max(1, low - high), theme().text);
        for (const int end : {high, low})
            painter.fillRect(middle - theme().px(5), end, theme().px(10) + 1, thick, theme().text);
        labelBottom = std::min(labelBottom, high - theme().px(4));
    }
    const int height = theme().px(18);
    const QFont font = theme().numberFont(13);
    QString value = formatNumber(bar.perplexity, bar.perplexity < 1000 ? 4 : 3);
    if (QFontMetrics(font).horizontalAdvance(value) > box.width() - theme().px(6))
        value = formatNumber(bar.perplexity, 3);
    drawTextOn(painter, theme(), font,
               QRect(box.left(), std::max(area.top(), labelBottom - height), box.width(), height),
               Qt::AlignCenter, value, theme().text);
}

void PerplexityView::paintData(QPainter& painter, const QRect& area) {
    if (m_series.bars.empty())
        return drawSentence(painter, theme(), area, tr("Evaluate to see what quantization costs the model."));
    for (size_t i = 0; i < m_series.bars.size(); ++i) paintBar(painter, area, i);
    painter.fillRect(area.left(), area.bottom(), area.width() + 1, 1, theme().axis);
    for (const PerplexityBar& bar : m_series.bars) {
        if (!bar.isReference) continue;
        const int row = qRound(pixelY(bar.perplexity));
        painter.setPen(QPen(theme().text, theme().isPresentation ? 2 : 1, Qt::DashLine));
        painter.drawLine(area.left(), row, area.right(), row);
    }
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
