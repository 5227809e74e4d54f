// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

class QTableView;

namespace quantscope {

class MetricsModel;
class ThemeController;

/// The card with the metrics table: variants with their colours, numbers monospaced and right-aligned,
/// formulas as tooltips on the headers, copy as CSV or TSV.
class MetricsPanel : public QWidget {
    Q_OBJECT
 public:
    MetricsPanel(ThemeController* themes, MetricsModel* model, QWidget* parent = nullptr);

    [[nodiscard]] QTableView* view() const { return m_view; }
    void copy(QChar separator) const;
    /// Tighter rows, for windows where the plots need the height.
    void setCompact(bool compact);

 protected:
    void paintEvent(QPaintEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

 private:
    void applyTheme();
    void fitColumns();
    [[nodiscard]] int rowHeight() const;

    ThemeController* m_themes;
    MetricsModel* m_model;
    QTableView* m_view;
    bool m_compact = false;
};

}  // namespace quantscope
