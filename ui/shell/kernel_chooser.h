// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPushButton>
#include <vector>

#include "base/work_queue.h"
#include "kernels/kernel_set.h"

class QMenu;

namespace quantscope {

/// "kernels: avx512vnni" with a menu of every kernel table, GPUs included: those that this machine lacks are
/// there, disabled, with the reason. Asking for and opening a GPU happens away from the GUI thread.
class KernelChooser : public QPushButton {
    Q_OBJECT
 public:
    explicit KernelChooser(KernelSet& kernels, QWidget* parent = nullptr);
    ~KernelChooser() override;

    /// False while a choice or the list of GPUs is on its way.
    [[nodiscard]] bool isSettled() const { return m_pending == 0; }
    void choose(const QString& name);

 Q_SIGNALS:
    /// Another table is active: what was computed with the former is to be computed again.
    void changed();
    /// The table could not be chosen; the former stays active.
    void failed(const quantscope::Error& error);

 private:
    void ask();
    void showChoices(const std::vector<KernelSet::Choice>& choices);
    void showActive();

    KernelSet& m_kernels;
    QMenu* m_menu;
    int m_pending = 0;
    WorkQueue m_queue;  // last: its thread ends before anything it uses is destroyed
};

}  // namespace quantscope
