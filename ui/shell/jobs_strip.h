// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTimer>
#include <QWidget>

#include "shell/session_controller.h"

class QLabel;
class QPushButton;

namespace quantscope {

class ElidedLabel;
class KernelChooser;
class KernelSet;
class SlimProgressBar;
class ThemeController;

/// The bottom line: what runs, how far it is, how long it still takes, cancel; and which kernels compute.
/// Appears only for work that lasts longer than half a second, so that a slider does not make it flicker.
class JobsStrip : public QWidget {
    Q_OBJECT
 public:
    JobsStrip(ThemeController* themes, KernelSet& kernels, QWidget* parent = nullptr);

    void setWork(const WorkState& work);
    /// What the last result was made from: "full result, 884,736 elements, 12 ms".
    void setSummary(const QString& summary);
    [[nodiscard]] QPushButton* cancelButton() const { return m_cancel; }
    [[nodiscard]] KernelChooser* kernelChooser() const { return m_kernels; }

 Q_SIGNALS:
    void cancelRequested();

 private:
    void showWork();
    void applyTheme();

    ThemeController* m_themes;
    ElidedLabel* m_stage;
    SlimProgressBar* m_bar;
    QPushButton* m_cancel;
    KernelChooser* m_kernels;
    QTimer m_appear;
    WorkState m_work;
    QString m_summary;
};

}  // namespace quantscope
