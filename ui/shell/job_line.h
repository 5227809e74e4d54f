// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTimer>
#include <QWidget>

#include "widgets/work_state.h"

class QPushButton;

namespace quantscope {

class ElidedLabel;
class SlimProgressBar;
class ThemeController;

/// One job: what runs, how far it is, how long it still takes, cancel; what came of it when it rests. The
/// progress appears only for work that lasts longer than half a second, so that a slider does not make it
/// flicker.
class JobLine : public QWidget {
    Q_OBJECT
 public:
    explicit JobLine(ThemeController* themes, QWidget* parent = nullptr);

    void setWork(const WorkState& work);
    /// Shown while nothing runs: "full result, 884,736 elements, 12 ms".
    void setSummary(const QString& summary);
    [[nodiscard]] QString text() const;
    [[nodiscard]] QPushButton* cancelButton() const { return m_cancel; }

 Q_SIGNALS:
    void cancelRequested();

 private:
    void showWork();
    void applyTheme();

    ThemeController* m_themes;
    ElidedLabel* m_stage;
    SlimProgressBar* m_bar;
    QPushButton* m_cancel;
    QTimer m_appear;
    WorkState m_work;
    QString m_summary;
};

}  // namespace quantscope
