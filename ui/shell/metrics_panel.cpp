// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/metrics_panel.h"

#include <QApplication>
#include <QBoxLayout>
#include <QClipboard>
#include <QContextMenuEvent>
#include <QHeaderView>
#include <QMenu>
#include <QPainter>
#include <QShortcut>
#include <QStyledItemDelegate>
#include <QTableView>
#include <algorithm>
#include <map>
#include <vector>

#include "shell/metrics_model.h"
#include "theme/theme_controller.h"

namespace quantscope {
namespace {

/// Draws a cell: the variant's colour and title in the first column, numbers in the others.
class MetricsDelegate final : public QStyledItemDelegate {
 public:
    MetricsDelegate(ThemeController* themes, QObject* parent)
        : QStyledItemDelegate(parent), m_themes(themes) {}

    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override {
        const Theme& theme = m_themes->theme();
        const QString text = index.data().toString();
        painter->save();
        if (option.state & QStyle::State_Selected) painter->fillRect(option.rect, theme.selection);
        QRect room = option.rect.adjusted(theme.px(7), 0, -theme.px(7), 0);
        painter->setPen(text == QStringLiteral("–") ? theme.mutedText : theme.text);
        if (index.column() == 0) {
            const int side = theme.px(11);
            painter->setRenderHint(QPainter::Antialiasing);
            painter->setBrush(theme.variantColor(index.row()));
            const QPen pen = painter->pen();
            painter->setPen(Qt::NoPen);
            painter->drawRoundedRect(QRect(room.left(), room.center().y() - side / 2, side, side), 2, 2);
            painter->setPen(pen);
            room.setLeft(room.left() + side + theme.px(8));
            painter->setFont(theme.textFont(13));
            painter->drawText(room, Qt::AlignLeft | Qt::AlignVCenter,
                              painter->fontMetrics().elidedText(text, Qt::ElideRight, room.width()));
        } else {
            painter->setFont(theme.numberFont(12));
            painter->drawText(room, Qt::AlignRight | Qt::AlignVCenter, text);
        }
        painter->restore();
    }

    [[nodiscard]] QSize sizeHint(const QStyleOptionViewItem&, const QModelIndex& index) const override {
        const Theme& theme = m_themes->theme();
        const QFont font = index.column() == 0 ? theme.textFont(13) : theme.numberFont(12);
        const int extra = theme.px(index.column() == 0 ? 40 : 15);
        return {QFontMetrics(font).horizontalAdvance(index.data().toString()) + extra, theme.px(20)};
    }

 private:
    ThemeController* m_themes;
};

}  // namespace

MetricsPanel::MetricsPanel(ThemeController* themes, MetricsModel* model, QWidget* parent)
    : QWidget(parent), m_themes(themes), m_model(model), m_view(new QTableView) {
    m_view->setModel(model);
    m_view->setItemDelegate(new MetricsDelegate(themes, m_view));
    m_view->setShowGrid(false);
    m_view->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_view->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_view->setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
    m_view->setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);  // the panel is as high as its rows
    m_view->verticalHeader()->hide();
    m_view->horizontalHeader()->setHighlightSections(false);
    m_view->horizontalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    m_view->setAccessibleName(tr("Metrics of the variants"));
    auto* column = new QVBoxLayout(this);
    column->addWidget(m_view);
    connect(model, &QAbstractItemModel::modelReset, this, &MetricsPanel::applyTheme);
    connect(model, &QAbstractItemModel::dataChanged, this, &MetricsPanel::fitColumns);
    connect(themes, &ThemeController::changed, this, &MetricsPanel::applyTheme);
    auto* copyKey = new QShortcut(QKeySequence::Copy, m_view);
    copyKey->setContext(Qt::WidgetWithChildrenShortcut);
    connect(copyKey, &QShortcut::activated, this, [this] { copy(QLatin1Char('\t')); });
    applyTheme();
}

void MetricsPanel::applyTheme() {
    const Theme& theme = m_themes->theme();
    layout()->setContentsMargins(theme.px(4), theme.px(2), theme.px(4), theme.px(4));
    m_view->verticalHeader()->setMinimumSectionSize(rowHeight());
    m_view->verticalHeader()->setDefaultSectionSize(rowHeight());
    const int rows = std::max(m_compact ? 2 : 4, m_model->rowCount());
    const int header = m_view->horizontalHeader()->sizeHint().height();
    setFixedHeight(theme.px(2 + 4 + 4) + std::max(theme.px(28), header) + rowHeight() * rows);
    fitColumns();
}

int MetricsPanel::rowHeight() const {
    return m_themes->theme().px(m_compact ? 21 : 25);
}

void MetricsPanel::setCompact(bool compact) {
    if (compact == m_compact) return;
    m_compact = compact;
    applyTheme();
}

/// The first column takes what its titles need, the others share the rest but never cut a number. In a narrow
/// window the columns that say least leave first, then the titles give way.
void MetricsPanel::fitColumns() {
    const int count = m_model->columnCount();
    const Theme& theme = m_themes->theme();
    const QFontMetrics headerMetrics(theme.textFont(11, QFont::DemiBold));
    const int room = m_view->viewport()->width();
    int needed = 0;
    std::vector<int> widths(static_cast<size_t>(count));
    std::map<int, int> leaving;  // order of leaving -> column
    for (int column = 0; column < count; ++column) {
        const QString label = m_model->headerData(column, Qt::Horizontal, Qt::DisplayRole).toString();
        int width = headerMetrics.horizontalAdvance(label) + theme.px(15);
        for (int row = 0; row < m_model->rowCount(); ++row) {
            width =
                std::max(width, m_view->itemDelegate()->sizeHint({}, m_model->index(row, column)).width());
        }
        widths[static_cast<size_t>(column)] = width;
        needed += width;
        const int order = m_model->headerData(column, Qt::Horizontal, MetricsModel::GivesWayRole).toInt();
        if (order > 0) leaving[order] = column;
    }
    int shown = count;
    std::vector<bool> hidden(static_cast<size_t>(count), false);
    for (const auto& [order, column] : leaving) {
        if (needed <= room) break;
        hidden[static_cast<size_t>(column)] = true;
        needed -= widths[static_cast<size_t>(column)];
        --shown;
    }
    if (!widths.empty()) widths[0] = std::max(theme.px(110), widths[0] - std::max(0, needed - room));
    const int spare = std::max(0, room - needed) / std::max(1, shown);
    for (int column = 0; column < count; ++column) {
        m_view->setColumnHidden(column, hidden[static_cast<size_t>(column)]);
        m_view->setColumnWidth(column, widths[static_cast<size_t>(column)] + spare);
    }
}

void MetricsPanel::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    fitColumns();
}

void MetricsPanel::copy(QChar separator) const {
    QApplication::clipboard()->setText(m_model->asText(separator));
}

void MetricsPanel::contextMenuEvent(QContextMenuEvent* event) {
    QMenu menu(this);
    menu.addAction(tr("Copy table as TSV\tCtrl+C"), this, [this] { copy(QLatin1Char('\t')); });
    menu.addAction(tr("Copy table as CSV"), this, [this] { copy(QLatin1Char(',')); });
    menu.exec(event->globalPos());
}

void MetricsPanel::paintEvent(QPaintEvent*) {
    const Theme& theme = m_themes->theme();
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(theme.cardBorder);
    painter.setBrush(theme.card);
    painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), theme.px(5), theme.px(5));
}

}  // namespace quantscope
