// SPDX-License-Identifier: GPL-3.0-or-later
#include "labs/row_page.h"

#include <QScrollBar>
#include <QShortcut>
#include <algorithm>

#include "theme/theme_controller.h"

namespace quantscope {

namespace {

constexpr int kSpacing = 10;

}  // namespace

RowPage::RowPage(ThemeController* themes, QWidget* parent)
    : QScrollArea(parent), m_themes(themes), m_content(new QWidget) {
    setFrameShape(QFrame::NoFrame);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setFocusPolicy(Qt::NoFocus);
    viewport()->setAutoFillBackground(false);
    setWidget(m_content);
    m_content->setAutoFillBackground(false);
    connect(themes, &ThemeController::changed, this, &RowPage::fit);
    for (const auto& [key, pages] : {std::pair(Qt::Key_PageDown, 1), std::pair(Qt::Key_PageUp, -1)}) {
        auto* shortcut = new QShortcut(QKeySequence(key), this);
        connect(shortcut, &QShortcut::activated, this, [this, by = pages] { turnPage(by); });
    }
    connect(verticalScrollBar(), &QScrollBar::sliderReleased, this, [this] { turnPage(0); });
}

void RowPage::addRow(QWidget* row, int minimum, int stretch) {
    row->setParent(m_content);
    m_rows.push_back({row, minimum, stretch});
    row->show();
    fit();
}

void RowPage::setRowMinimum(const QWidget* row, int minimum) {
    const auto found =
        std::find_if(m_rows.begin(), m_rows.end(), [row](const Row& known) { return known.widget == row; });
    if (found == m_rows.end() || found->minimum == minimum) return;
    found->minimum = minimum;
    fit();
}

int RowPage::heightOf(const Row& row) const {
    return m_themes->theme().px(row.minimum);
}

int RowPage::step() const {
    return viewport()->height() + kSpacing;
}

void RowPage::turnPage(int pages) {
    const int page = (verticalScrollBar()->value() + step() / 2) / step();
    verticalScrollBar()->setValue((page + pages) * step());
}

void RowPage::resizeEvent(QResizeEvent* event) {
    QScrollArea::resizeEvent(event);
    fit();
}

/// Shares the view's height among rows [first, end).
int RowPage::placePage(size_t first, size_t end, int top) {
    int needed = kSpacing * (static_cast<int>(end - first) - 1);
    int stretches = 0;
    for (size_t i = first; i < end; ++i) {
        needed += heightOf(m_rows[i]);
        stretches += m_rows[i].stretch;
    }
    const int bottom = top + std::max(needed, viewport()->height());
    const int spare = std::max(0, viewport()->height() - needed);
    int y = top;
    for (size_t i = first; i < end; ++i) {
        const int height = i + 1 == end
                               ? bottom - y
                               : heightOf(m_rows[i]) + spare * m_rows[i].stretch / std::max(1, stretches);
        m_rows[i].widget->setGeometry(0, y, m_content->width(), height);
        y += height + kSpacing;
    }
    return bottom;
}

void RowPage::fit() {
    if (m_rows.empty()) return;
    const int view = viewport()->height();
    // A scroll bar that comes or goes changes the width, so it is always thought of as lying beside the rows.
    m_content->resize(viewport()->width() - (m_pages > 1 ? m_themes->theme().px(4) : 0), m_content->height());
    int bottom = -kSpacing;
    int pages = 0;
    for (size_t first = 0; first < m_rows.size();) {
        size_t end = first;
        int used = 0;
        while (end < m_rows.size() && (end == first || used + kSpacing + heightOf(m_rows[end]) <= view)) {
            used += heightOf(m_rows[end]) + (end == first ? 0 : kSpacing);
            ++end;
        }
        bottom = placePage(first, end, bottom + kSpacing);
        first = end;
        ++pages;
    }
    m_content->resize(m_content->width(), bottom);
    m_pages = pages;
    verticalScrollBar()->setSingleStep(step());
    verticalScrollBar()->setPageStep(step());
}

}  // namespace quantscope
