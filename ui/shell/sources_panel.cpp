// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/sources_panel.h"

#include <QBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QPainter>
#include <QPushButton>
#include <QStyledItemDelegate>
#include <QTreeView>

#include "shell/source_tree_model.h"
#include "theme/theme_controller.h"

namespace quantscope {
namespace {

constexpr int kFilterDelayMs = 80;
constexpr int kExpandAllUpTo = 400;

/// Name left, outlier dot after it, details right; the name gives way first.
class SourceDelegate final : public QStyledItemDelegate {
 public:
    SourceDelegate(ThemeController* themes, QObject* parent)
        : QStyledItemDelegate(parent), m_themes(themes) {}

    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override {
        const Theme& theme = m_themes->theme();
        const auto kind = static_cast<SourceKind>(index.data(SourceTreeModel::KindRole).toInt());
        const bool top = kind == SourceKind::Checkpoint || kind == SourceKind::Group;
        painter->save();
        painter->setRenderHint(QPainter::Antialiasing);
        const QRect room = option.rect.adjusted(theme.px(3), 0, -theme.px(8), 0);

        painter->setFont(theme.numberFont(10.5));
        painter->setPen(theme.mutedText);
        const QString details = index.data(SourceTreeModel::DetailsRole).toString();
        const int wanted = painter->fontMetrics().horizontalAdvance(details) + 3;

        const QFont nameFont = theme.textFont(12.5, top ? QFont::DemiBold : QFont::Normal);
        const QFontMetrics nameMetrics(nameFont);
        const QString name = index.data().toString();
        const bool dot = index.data(SourceTreeModel::OutlierRole).toBool();
        const int dotRoom = dot ? theme.px(14) : 0;
        const int nameWidth = nameMetrics.horizontalAdvance(name);
        const bool fits = nameWidth + dotRoom + theme.px(10) + wanted <= room.width();
        // Where both do not fit, a long name keeps two thirds and the details are left to the tooltip.
        const bool showDetails = fits || nameWidth < room.width() / 2;
        if (showDetails) {
            const int detailRoom = fits ? wanted : room.width() - nameWidth - dotRoom - theme.px(10);
            painter->drawText(QRect(room.right() - detailRoom, room.top(), detailRoom, room.height()),
                              Qt::AlignRight | Qt::AlignVCenter,
                              painter->fontMetrics().elidedText(details, Qt::ElideRight, detailRoom));
        }
        const int nameRoom = showDetails ? nameWidth + 2 : room.width() - dotRoom;
        painter->setFont(nameFont);
        painter->setPen(theme.text);
        painter->drawText(QRect(room.left(), room.top(), nameRoom, room.height()),
                          Qt::AlignLeft | Qt::AlignVCenter,
                          nameMetrics.elidedText(name, Qt::ElideMiddle, nameRoom));
        if (dot) {
            painter->setPen(Qt::NoPen);
            painter->setBrush(theme.warning);
            const double radius = theme.px(3);
            painter->drawEllipse(
                QPointF(room.left() + std::min(nameWidth, nameRoom) + theme.px(8), room.center().y() + 0.5),
                radius, radius);
        }
        painter->restore();
    }

    [[nodiscard]] QSize sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const override {
        return {m_themes->theme().px(120), m_themes->theme().px(22)};
    }

 private:
    ThemeController* m_themes;
};

/// Draws the selection over the whole row and small triangles for branches, as the sketch of the tree does.
class SourceTreeView final : public QTreeView {
 public:
    explicit SourceTreeView(ThemeController* themes) : m_themes(themes) { setViewportMargins(6, 0, 0, 0); }

 protected:
    void drawRow(QPainter* painter, const QStyleOptionViewItem& option,
                 const QModelIndex& index) const override {
        const Theme& theme = m_themes->theme();
        const bool selected = selectionModel()->isSelected(index);
        if (selected) {
            painter->save();
            painter->setRenderHint(QPainter::Antialiasing);
            painter->setPen(Qt::NoPen);
            painter->setBrush(theme.selection);
            const QRect row(0, option.rect.y(), viewport()->width(), option.rect.height());
            painter->drawRoundedRect(row.adjusted(4, 1, -4, -1), 3, 3);
            painter->restore();
        }
        QStyleOptionViewItem plain(option);
        plain.state &= ~QStyle::State_Selected;
        QTreeView::drawRow(painter, plain, index);
    }
    void drawBranches(QPainter* painter, const QRect& rect, const QModelIndex& index) const override {
        if (!model()->hasChildren(index)) return;
        const Theme& theme = m_themes->theme();
        painter->save();
        painter->setRenderHint(QPainter::Antialiasing);
        painter->setPen(Qt::NoPen);
        painter->setBrush(theme.mutedText);
        const double size = theme.px(3.5);
        painter->translate(rect.right() - theme.px(7) + 0.5, rect.center().y() + 0.5);
        if (isExpanded(index)) painter->rotate(90);
        painter->drawPolygon(
            QPolygonF({QPointF(-size * 0.7, -size), QPointF(size, 0), QPointF(-size * 0.7, size)}));
        painter->restore();
    }

 private:
    ThemeController* m_themes;
};

}  // namespace

SourcesPanel::SourcesPanel(ThemeController* themes, SourceTreeModel* model, QWidget* parent)
    : QWidget(parent),
      m_themes(themes),
      m_model(model),
      m_header(new QWidget),
      m_open(new QPushButton(tr("Open…"))),
      m_filter(new QLineEdit),
      m_matches(new QLabel),
      m_tree(new SourceTreeView(themes)) {
    setProperty("look", "panel");
    setAttribute(Qt::WA_StyledBackground);
    auto* heading = new QLabel(tr("SOURCES"));
    heading->setProperty("look", "heading");
    m_open->setProperty("look", "link");
    m_open->setToolTip(tr("Open a checkpoint (Ctrl+O): GGUF, safetensors, npy, npz, csv, or a model folder"));
    auto* row = new QHBoxLayout(m_header);
    row->addWidget(heading);
    row->addStretch();
    row->addWidget(m_open);

    m_filter->setProperty("look", "field");
    m_filter->setPlaceholderText(tr("Filter: name, Q4_1, >1M…"));
    m_filter->setClearButtonEnabled(true);
    m_filter->setToolTip(
        tr("Words must all match: part of a name, a dtype (Q4_1), a number of elements (>1M, <64k),\n"
           "outliers (tensors whose inputs have outlier channels)"));
    m_filter->setAccessibleName(tr("Filter sources"));
    m_matches->setProperty("look", "muted");
    m_matches->hide();

    m_tree->setModel(model);
    m_tree->setItemDelegate(new SourceDelegate(themes, m_tree));
    m_tree->setHeaderHidden(true);
    setFocusProxy(m_tree);
    m_tree->setUniformRowHeights(true);
    m_tree->setExpandsOnDoubleClick(true);
    m_tree->setContextMenuPolicy(Qt::CustomContextMenu);
    m_tree->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_tree->setAccessibleName(tr("Sources"));

    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    auto* fields = new QVBoxLayout;
    fields->addWidget(m_filter);
    fields->addWidget(m_matches);
    column->addWidget(m_header);
    column->addLayout(fields);
    column->addWidget(m_tree, 1);
    fields->setObjectName(QStringLiteral("fields"));

    m_filterDelay.setSingleShot(true);
    m_filterDelay.setInterval(kFilterDelayMs);
    connect(&m_filterDelay, &QTimer::timeout, this, &SourcesPanel::applyFilter);
    connect(m_filter, &QLineEdit::textChanged, this, [this] { m_filterDelay.start(); });
    connect(model, &QAbstractItemModel::modelAboutToBeReset, this, &SourcesPanel::rememberExpansion);
    connect(model, &QAbstractItemModel::modelReset, this, &SourcesPanel::restoreExpansion);
    connect(m_tree->selectionModel(), &QItemSelectionModel::currentChanged, this,
            [this](const QModelIndex& index) {
                if (m_quiet || !index.isValid()) return;
                const auto source = m_model->matrixSource(index);
                if (!source) return;
                m_shown = *source;
                Q_EMIT sourceChosen(*source);
            });
    connect(m_tree, &QTreeView::activated, this, [this](const QModelIndex& index) {
        const auto kind = static_cast<SourceKind>(index.data(SourceTreeModel::KindRole).toInt());
        if (kind == SourceKind::File) Q_EMIT fileActivated(m_model->pathOf(index));
    });
    connect(m_tree, &QWidget::customContextMenuRequested, this, &SourcesPanel::showContextMenu);
    connect(themes, &ThemeController::changed, this, &SourcesPanel::applyTheme);
    applyTheme();
}

void SourcesPanel::applyTheme() {
    const Theme& theme = m_themes->theme();
    m_header->layout()->setContentsMargins(theme.px(14), theme.px(8), theme.px(6), theme.px(4));
    auto* fields = static_cast<QVBoxLayout*>(layout()->itemAt(1)->layout());
    fields->setContentsMargins(theme.px(12), 0, theme.px(10), theme.px(6));
    fields->setSpacing(theme.px(3));
    m_tree->setIndentation(theme.px(14));
    setMinimumWidth(theme.px(200));
    m_tree->doItemsLayout();
}

void SourcesPanel::setOpenMenu(QMenu* menu) {
    m_open->setMenu(menu);
}

void SourcesPanel::applyFilter() {
    m_model->setFilter(parseSourceFilter(m_filter->text()));
    const bool filtered = !m_model->filter().isEmpty();
    m_matches->setVisible(filtered);
    m_matches->setText(m_model->matchCount() == 0 ? tr("No tensor matches")
                                                  : tr("%n tensor(s)", nullptr, m_model->matchCount()));
    if (filtered && m_model->matchCount() <= kExpandAllUpTo) m_tree->expandAll();
}

void SourcesPanel::rememberExpansion() {
    m_quiet = true;
    // Rows hidden by a filter keep their state: only rows that are visible now are asked.
    const auto visit = [this](const auto& self, const QModelIndex& parent) -> void {
        for (int row = 0; row < m_model->rowCount(parent); ++row) {
            const QModelIndex index = m_model->index(row, 0, parent);
            if (!m_model->hasChildren(index)) continue;
            const QString key = index.data(SourceTreeModel::KeyRole).toString();
            if (m_tree->isExpanded(index)) {
                m_expanded.insert(key);
                self(self, index);
            } else {
                m_expanded.remove(key);
            }
        }
    };
    if (m_model->filter().isEmpty()) visit(visit, {});
}

void SourcesPanel::restoreExpansion() {
    const auto visit = [this](const auto& self, const QModelIndex& parent) -> void {
        for (int row = 0; row < m_model->rowCount(parent); ++row) {
            const QModelIndex index = m_model->index(row, 0, parent);
            if (!m_model->hasChildren(index)) continue;
            if (m_expanded.contains(index.data(SourceTreeModel::KeyRole).toString())) m_tree->expand(index);
            self(self, index);
        }
    };
    visit(visit, {});
    m_quiet = false;
    showSource(m_shown);
}

void SourcesPanel::showSource(const MatrixSource& source) {
    m_shown = source;
    const QModelIndex current = m_tree->currentIndex();
    if (current.isValid() && m_model->matrixSource(current) == source) return;
    const QModelIndex index = m_model->indexOf(source);
    m_quiet = true;
    if (index.isValid()) {
        m_tree->setCurrentIndex(index);
        m_tree->scrollTo(index);
    } else {
        m_tree->selectionModel()->clear();
    }
    m_quiet = false;
}

void SourcesPanel::showContextMenu(const QPoint& at) {
    const QModelIndex index = m_tree->indexAt(at);
    if (!index.isValid()) return;
    const auto kind = static_cast<SourceKind>(index.data(SourceTreeModel::KindRole).toInt());
    const std::string path = m_model->pathOf(index);
    QMenu menu(this);
    if (kind == SourceKind::File)
        menu.addAction(tr("Open"), this, [this, path] { Q_EMIT fileActivated(path); });
    if (kind == SourceKind::Checkpoint) {
        menu.addAction(tr("Evaluate this model"), this, [this, path] { Q_EMIT modelChosen(path); });
        menu.addAction(tr("Close"), this, [this, path] { Q_EMIT closeRequested(path); });
    }
    if (m_model->hasChildren(index)) {
        menu.addAction(tr("Expand all below"), this, [this, index] { m_tree->expandRecursively(index); });
        menu.addAction(tr("Collapse"), this, [this, index] { m_tree->collapse(index); });
    }
    if (!menu.isEmpty()) menu.exec(m_tree->viewport()->mapToGlobal(at));
}

}  // namespace quantscope
