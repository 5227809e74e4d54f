// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QSet>
#include <QTimer>
#include <QWidget>

#include "app/experiment/experiment.h"

class QLabel;
class QLineEdit;
class QMenu;
class QPushButton;
class QTreeView;

namespace quantscope {

class SourceTreeModel;
class ThemeController;

/// The left panel: Open..., the filter field and the tree. Selecting a tensor, a synthetic source or an
/// activation reports it; activating a file (Enter, double click) asks to open it.
class SourcesPanel : public QWidget {
    Q_OBJECT
 public:
    SourcesPanel(ThemeController* themes, SourceTreeModel* model, QWidget* parent = nullptr);

    [[nodiscard]] QTreeView* tree() const { return m_tree; }
    [[nodiscard]] QLineEdit* filterField() const { return m_filter; }
    /// The menu behind "Open...": recent files and samples.
    void setOpenMenu(QMenu* menu);
    /// Marks the row of this source without reporting it.
    void showSource(const MatrixSource& source);

 Q_SIGNALS:
    void sourceChosen(const quantscope::MatrixSource& source);
    void fileActivated(const std::string& path);
    /// "Evaluate this model" on a checkpoint's row.
    void modelChosen(const std::string& path);
    void closeRequested(const std::string& path);

 private:
    void applyTheme();
    void applyFilter();
    void rememberExpansion();
    void restoreExpansion();
    void showContextMenu(const QPoint& at);

    ThemeController* m_themes;
    SourceTreeModel* m_model;
    QWidget* m_header;
    QPushButton* m_open;
    QLineEdit* m_filter;
    QLabel* m_matches;
    QTreeView* m_tree;
    QTimer m_filterDelay;
    QSet<QString> m_expanded;
    MatrixSource m_shown;
    bool m_quiet = false;
};

}  // namespace quantscope
