// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "widgets/work_state.h"

class QPushButton;

namespace quantscope {

class JobLine;
class KernelChooser;
class KernelSet;
class ThemeController;

/// The bottom line: what the lab on screen computes, a longer job beside it (an export), and which kernels
/// compute.
class JobsStrip : public QWidget {
    Q_OBJECT
 public:
    JobsStrip(ThemeController* themes, KernelSet& kernels, QWidget* parent = nullptr);

    void setWork(const WorkState& work);
    /// What the last result was made from: "full result, 884,736 elements, 12 ms".
    void setSummary(const QString& summary);
    /// The job beside the lab's; it takes no room while none runs.
    void setBackgroundWork(const WorkState& work);
    [[nodiscard]] QPushButton* cancelButton() const;
    [[nodiscard]] JobLine* backgroundLine() const { return m_background; }
    [[nodiscard]] KernelChooser* kernelChooser() const { return m_kernels; }

 Q_SIGNALS:
    void cancelRequested();
    void backgroundCancelRequested();

 private:
    void applyTheme();

    ThemeController* m_themes;
    JobLine* m_lab;
    JobLine* m_background;
    KernelChooser* m_kernels;
};

}  // namespace quantscope
