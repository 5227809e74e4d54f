// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/token_text_view.h"

#include <QClipboard>
#include <QContextMenuEvent>
#include <QGuiApplication>
#include <QHelpEvent>
#include <QMenu>
#include <QPainter>
#include <QScrollBar>
#include <QToolTip>
#include <algorithm>
#include <cmath>

#include "plots/number_format.h"
#include "plots/painting.h"
#include "theme/theme_controller.h"

namespace quantscope {

namespace {

// Full colour: a token that became e^2 = 7 times less likely, or one nat of divergence.
constexpr double kFullDelta = 2;
constexpr double kFullKl = 1;

QString visible(const QString& text) {
    QString shown = text;
    shown.replace(QLatin1Char('\n'), QStringLiteral("↵"));
    shown.replace(QLatin1Char('\t'), QStringLiteral("→"));
    return shown;
}

}  // namespace

TokenTextView::TokenTextView(ThemeController* themes, QWidget* parent)
    : QAbstractScrollArea(parent), m_themes(themes) {
    setFrameShape(QFrame::NoFrame);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    viewport()->setMouseTracking(true);
    connect(themes, &ThemeController::changed, this, [this] {
        layoutTokens();
        viewport()->update();
    });
}

void TokenTextView::setTokens(std::vector<TextToken> tokens) {
    m_tokens = std::move(tokens);
    m_hovered = -1;
    if (m_selected >= static_cast<int>(m_tokens.size())) m_selected = -1;
    layoutTokens();
    viewport()->update();
}

void TokenTextView::setMeasure(Measure measure) {
    m_measure = measure;
    viewport()->update();
}

double TokenTextView::value(const TextToken& token) const {
    if (!token.scored) return 0;
    return m_measure == Measure::Kl ? token.kl / kFullKl : (token.nll - token.nllReference) / kFullDelta;
}

QColor TokenTextView::tokenColor(int index) const {
    const Theme& theme = m_themes->theme();
    const double share = value(m_tokens[static_cast<size_t>(index)]);
    const QColor tone = share >= 0 ? theme.clipping : theme.rounding;
    return mixed(tone, theme.card, std::min(1.0, std::abs(share)) * 0.72);
}

/// Words flow like text: a token's own leading blank is its distance, a newline ends the line.
void TokenTextView::layoutTokens() {
    const Theme& theme = m_themes->theme();
    const QFontMetrics metrics(theme.numberFont(13));
    const int lineHeight = metrics.height() + theme.px(7);
    const int width = std::max(theme.px(60), viewport()->width() - theme.px(8));
    int x = 0;
    int y = 0;
    m_boxes.clear();
    for (const TextToken& token : m_tokens) {
        const int advance = metrics.horizontalAdvance(visible(token.text));
        if (x > 0 && x + advance > width) {
            x = 0;
            y += lineHeight;
        }
        m_boxes.emplace_back(x, y, advance, metrics.height() + theme.px(3));
        x += advance;
        if (token.text.contains(QLatin1Char('\n'))) {
            x = 0;
            y += lineHeight;
        }
    }
    const int height = m_boxes.empty() ? 0 : m_boxes.back().bottom() + theme.px(4);
    verticalScrollBar()->setRange(0, std::max(0, height - viewport()->height()));
    verticalScrollBar()->setPageStep(viewport()->height());
    verticalScrollBar()->setSingleStep(lineHeight);
}

QRect TokenTextView::tokenBox(int index) const {
    return m_boxes[static_cast<size_t>(index)].translated(m_themes->theme().px(4),
                                                          -verticalScrollBar()->value());
}

void TokenTextView::resizeEvent(QResizeEvent* event) {
    QAbstractScrollArea::resizeEvent(event);
    layoutTokens();
}

void TokenTextView::paintEvent(QPaintEvent*) {
    QPainter painter(viewport());
    paintTokens(painter);
}

PlotExport TokenTextView::exported() {
    PlotExport plot;
    plot.name = QStringLiteral("text");
    plot.size = viewport()->size();
    plot.paintOn = [this](QPaintDevice& device) {
        QPainter painter(&device);
        painter.setClipRect(viewport()->rect());
        paintTokens(painter);
    };
    plot.table = [this] { return table(); };
    return plot;
}

void TokenTextView::paintTokens(QPainter& painter) {
    const Theme& theme = m_themes->theme();
    painter.fillRect(viewport()->rect(), theme.card);
    if (m_tokens.empty())
        return drawSentence(painter, theme, viewport()->rect(),
                            tr("The text appears when the first window is scored."));
    painter.setFont(theme.numberFont(13));
    for (int i = 0; i < static_cast<int>(m_boxes.size()); ++i) {
        const QRect box = tokenBox(i);
        if (box.bottom() < 0) continue;
        if (box.top() > viewport()->height()) break;
        const TextToken& token = m_tokens[static_cast<size_t>(i)];
        if (token.scored) painter.fillRect(box.adjusted(0, 0, -1, 0), tokenColor(i));
        if (i == m_selected || i == m_hovered) {
            painter.setPen(QPen(i == m_selected ? theme.text : theme.axis, 1));
            painter.drawRect(box.adjusted(0, 0, -1, -1));
        }
        painter.setPen(token.scored ? theme.text : theme.mutedText);
        painter.drawText(box, Qt::AlignVCenter | Qt::AlignLeft | Qt::TextIncludeTrailingSpaces,
                         visible(token.text));
    }
}

int TokenTextView::tokenAt(const QPoint& position) const {
    for (int i = 0; i < static_cast<int>(m_boxes.size()); ++i)
        if (tokenBox(i).contains(position)) return i;
    return -1;
}

void TokenTextView::mouseMoveEvent(QMouseEvent* event) {
    const int index = tokenAt(event->pos());
    if (index == m_hovered) return;
    m_hovered = index;
    viewport()->update();
    Q_EMIT tokenHovered(index);
}

void TokenTextView::mousePressEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton) return;
    m_selected = tokenAt(event->pos());
    viewport()->update();
    Q_EMIT tokenSelected(m_selected);
}

void TokenTextView::leaveEvent(QEvent* event) {
    QAbstractScrollArea::leaveEvent(event);
    m_hovered = -1;
    viewport()->update();
    Q_EMIT tokenHovered(-1);
}

QString TokenTextView::detail(int index) const {
    if (index < 0 || index >= static_cast<int>(m_tokens.size())) return {};
    const TextToken& token = m_tokens[static_cast<size_t>(index)];
    const QString name = QStringLiteral("“%1”").arg(visible(token.text));
    if (!token.scored) return tr("%1: context, not scored").arg(name);
    return tr("%1: probability %2 under the reference, %3 here (%4 nat); KL %5 nat")
        .arg(name, formatPercent(std::exp(-token.nllReference)), formatPercent(std::exp(-token.nll)),
             formatSigned(token.nll - token.nllReference), formatNumber(token.kl));
}

bool TokenTextView::viewportEvent(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const int index = tokenAt(help->pos());
        if (index >= 0)
            QToolTip::showText(help->globalPos(), detail(index), viewport(), tokenBox(index));
        else
            QToolTip::hideText();
        return true;
    }
    return QAbstractScrollArea::viewportEvent(event);
}

void TokenTextView::contextMenuEvent(QContextMenuEvent* event) {
    QMenu menu(this);
    menu.addAction(tr("Copy text"), this, [this] {
        QString text;
        for (const TextToken& token : m_tokens) text += token.text;
        QGuiApplication::clipboard()->setText(text);
    });
    addExportActions(menu, this, [this] { return exported(); });
    menu.exec(event->globalPos());
}

PlotTable TokenTextView::table() const {
    PlotTable table{{QStringLiteral("token"), QStringLiteral("scored"), QStringLiteral("nll_reference"),
                     QStringLiteral("nll"), QStringLiteral("kl")},
                    {}};
    for (const TextToken& token : m_tokens)
        table.rows.append({token.text, token.scored ? QStringLiteral("1") : QStringLiteral("0"),
                           exactNumber(token.nllReference), exactNumber(token.nll), exactNumber(token.kl)});
    return table;
}

}  // namespace quantscope
