// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/jobs_strip.h"

#include <QBoxLayout>
#include <QPushButton>
#include <algorithm>

#include "shell/kernel_chooser.h"
#include "theme/small_widgets.h"
#include "theme/theme_controller.h"

namespace quantscope {
namespace {

constexpr int kAppearMs = 500;

QString timeLeft(double seconds) {
    if (seconds <= 0) return {};
    if (seconds < 90) return JobsStrip::tr("%1 s left").arg(std::max(1, qRound(seconds)));
    return JobsStrip::tr("%1 min left").arg(qRound(seconds / 60));
}

}  // namespace

JobsStrip::JobsStrip(ThemeController* themes, KernelSet& kernels, QWidget* parent)
    : QWidget(parent),
      m_themes(themes),
      m_stage(new ElidedLabel(themes, ElidedLabel::Role::Muted)),
      m_bar(new SlimProgressBar(themes)),
      m_cancel(new QPushButton(tr("Cancel"))),
      m_kernels(new KernelChooser(kernels)) {
    setProperty("look", "panel");
    setAttribute(Qt::WA_StyledBackground);
    m_stage->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    m_cancel->setProperty("look", "link");
    m_cancel->setToolTip(tr("Stop this work; what is on screen stays (Esc)"));
    m_cancel->hide();
    m_bar->setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    connect(m_cancel, &QPushButton::clicked, this, &JobsStrip::cancelRequested);
    m_appear.setSingleShot(true);
    m_appear.setInterval(kAppearMs);
    connect(&m_appear, &QTimer::timeout, this, &JobsStrip::showWork);
    auto* row = new QHBoxLayout(this);
    row->addWidget(m_stage, 1);
    row->addWidget(m_bar);
    row->addWidget(m_cancel);
    row->addWidget(m_kernels);
    connect(themes, &ThemeController::changed, this, &JobsStrip::applyTheme);
    applyTheme();
}

void JobsStrip::applyTheme() {
    const Theme& theme = m_themes->theme();
    layout()->setContentsMargins(theme.px(14), theme.px(2), theme.px(14), theme.px(2));
    layout()->setSpacing(theme.px(12));
    m_bar->setFixedWidth(theme.px(160));
    setFixedHeight(theme.px(27));
}

void JobsStrip::setWork(const WorkState& work) {
    m_work = work;
    if (work.busy && !m_appear.isActive() && !m_cancel->isVisible()) return m_appear.start();
    if (!work.busy) m_appear.stop();
    if (!m_appear.isActive()) showWork();
}

void JobsStrip::setSummary(const QString& summary) {
    m_summary = summary;
    if (!m_cancel->isVisible()) m_stage->setText(summary);
}

void JobsStrip::showWork() {
    m_cancel->setVisible(m_work.busy);
    m_bar->setFraction(m_work.busy ? m_work.fraction : -1);
    if (!m_work.busy) return m_stage->setText(m_work.stage.isEmpty() ? m_summary : m_work.stage);
    QStringList parts;
    parts << (m_work.stage.isEmpty() ? tr("working") : m_work.stage);
    parts << QStringLiteral("%1 %").arg(static_cast<int>(100 * m_work.fraction));
    const QString left = timeLeft(m_work.secondsLeft);
    if (!left.isEmpty()) parts << left;
    m_stage->setText(parts.join(QStringLiteral(" · ")));
}

}  // namespace quantscope
