// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/kernel_chooser.h"

#include <QActionGroup>
#include <QMenu>
#include <memory>

#include "base/out_of_memory.h"

namespace quantscope {
namespace {

constexpr qsizetype kMostReason = 72;

QString shortened(const QString& reason) {
    return reason.size() <= kMostReason ? reason : reason.left(kMostReason - 1) + QStringLiteral("…");
}

}  // namespace

KernelChooser::KernelChooser(KernelSet& kernels, QWidget* parent)
    : QPushButton(parent), m_kernels(kernels), m_menu(new QMenu(this)) {
    setProperty("look", "link");
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    setToolTip(tr("The instruction set or GPU that the engine multiplies with"));
    m_menu->setToolTipsVisible(true);
    setMenu(m_menu);
    showActive();
    ask();
}

KernelChooser::~KernelChooser() = default;

void KernelChooser::showActive() {
    const std::string_view name = m_kernels.active().name;
    setText(tr("kernels: %1").arg(QString::fromLatin1(name.data(), static_cast<qsizetype>(name.size()))));
}

void KernelChooser::ask() {
    ++m_pending;
    const auto choices = std::make_shared<std::vector<KernelSet::Choice>>();
    m_queue.add([this, choices] {
        try {
            *choices = m_kernels.choices();
        } catch (...) {  // no memory for the list: the menu stays empty
        }
        QMetaObject::invokeMethod(
            this,
            [this, choices] {
                --m_pending;
                showChoices(*choices);
            },
            Qt::QueuedConnection);
    });
}

void KernelChooser::showChoices(const std::vector<KernelSet::Choice>& choices) {
    m_menu->clear();
    auto* group = new QActionGroup(m_menu);
    for (const KernelSet::Choice& choice : choices) {
        const QString name = QString::fromStdString(choice.name);
        const QString reason = QString::fromStdString(choice.reason);
        QAction* action = m_menu->addAction(QStringLiteral("%1   %2").arg(name, shortened(reason)));
        action->setData(name);
        action->setToolTip(reason);
        action->setCheckable(true);
        action->setChecked(choice.active);
        action->setEnabled(choice.runs);
        group->addAction(action);
        connect(action, &QAction::triggered, this, [this, name] { choose(name); });
    }
}

void KernelChooser::choose(const QString& name) {
    ++m_pending;
    m_queue.add([this, name] {
        const KernelTable* before = &m_kernels.active();
        Status status;
        try {
            status = m_kernels.choose(name.toStdString());
        } catch (...) {
            status = fail(errorOfException());
        }
        const bool another = before != &m_kernels.active();
        QMetaObject::invokeMethod(
            this,
            [this, status, another] {
                --m_pending;
                showActive();
                ask();
                if (!status) Q_EMIT failed(status.error());
                if (another) Q_EMIT changed();
            },
            Qt::QueuedConnection);
    });
}

}  // namespace quantscope
