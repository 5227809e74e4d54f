// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/four_panel_heatmap.h"

#include <QGridLayout>
#include <QVBoxLayout>

#include "theme/small_widgets.h"
#include "theme/theme_controller.h"

namespace quantscope {

FourPanelHeatmap::FourPanelHeatmap(ThemeController* themes, QWidget* parent)
    : QWidget(parent),
      m_grid(new QGridLayout),
      m_sentence(new ElidedLabel(themes, ElidedLabel::Role::Number, this)) {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(themes->theme().px(2));
    m_grid->setSpacing(themes->theme().px(4));
    column->addLayout(m_grid, 1);
    column->addWidget(m_sentence);
    const QString titles[] = {tr("original"), tr("codes"), tr("dequantized"), tr("error")};
    const char* names[] = {"original", "codes", "dequantized", "error"};
    for (size_t i = 0; i < m_panels.size(); ++i) {
        auto* view = new HeatmapView(themes, this);
        view->setTitle(titles[i]);
        view->setScalePlace(HeatmapView::ScalePlace::TitleLine);
        view->setExportName(QString::fromLatin1(names[i]));
        view->setLinkGroup(&m_link);
        connect(view, &HeatmapView::elementHovered, this,
                [this, view](qint64 row, qint64 col) { m_sentence->setText(view->cellText(row, col)); });
        // After the cell's own text, so that whoever listens can put the exact arithmetic in its place.
        connect(view, &HeatmapView::elementHovered, this, &FourPanelHeatmap::elementHovered);
        connect(view, &HeatmapView::elementLeft, this, &FourPanelHeatmap::elementLeft);
        connect(view, &HeatmapView::elementClicked, this, &FourPanelHeatmap::elementClicked);
        m_panels[i] = view;
    }
    m_sentence->setText(tr("Point at an element to see its arithmetic"));
    // The four share one region: one of them asks.
    connect(m_panels[Error], &HeatmapView::regionRequested, this, &FourPanelHeatmap::regionRequested);
    arrange();
}

void FourPanelHeatmap::setSeries(std::array<HeatmapSeries, 4> series) {
    for (size_t i = 0; i < m_panels.size(); ++i) m_panels[i]->setSeries(std::move(series[i]));
}

void FourPanelHeatmap::showOnly(int panel) {
    m_only = panel;
    m_columns = 0;
    arrange();
}

void FourPanelHeatmap::setMarked(int64_t row, int64_t col) {
    for (HeatmapView* view : m_panels) view->setMarked(row, col);
}

void FourPanelHeatmap::setSentence(const QString& sentence) {
    m_sentence->setText(sentence);
}

QString FourPanelHeatmap::sentence() const {
    return m_sentence->text();
}

void FourPanelHeatmap::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    arrange();
}

/// Side by side where the place is wide, two by two otherwise.
void FourPanelHeatmap::arrange() {
    const int columns = m_only >= 0 ? 1 : width() > 5 * height() ? 4 : 2;
    if (columns == m_columns) return;
    m_columns = columns;
    for (HeatmapView* view : m_panels) m_grid->removeWidget(view);
    for (int i = 0; i < 4; ++i) {
        HeatmapView* view = m_panels[static_cast<size_t>(i)];
        const bool shown = m_only < 0 || m_only == i;
        view->setVisible(shown);
        if (shown) m_grid->addWidget(view, m_only >= 0 ? 0 : i / columns, m_only >= 0 ? 0 : i % columns);
    }
}

}  // namespace quantscope
