// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/job_line.h"

#include <QBoxLayout>
#include <QPushButton>
#include <algorithm>

#include "theme/small_widgets.h"
#include "theme/theme_controller.h"

namespace quantscope {
namespace {

constexpr int kAppearMs = 500;

QString timeLeft(double seconds) {
    if (seconds <= 0) return {};
    if (seconds < 90) return JobLine::tr("%1 s left").arg(std::max(1, qRound(seconds)));
    return JobLine::tr("%1 min left").arg(qRound(seconds / 60));
}

}  // namespace

JobLine::JobLine(ThemeController* themes, QWidget* parent)
    : QWidget(parent),
      m_themes(themes),
      m_stage(new ElidedLabel(themes, ElidedLabel::Role::Muted)),
      m_bar(new SlimProgressBar(themes)),
      m_cancel(new QPushButton(tr("Cancel"))) {
    m_stage->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    m_cancel->setProperty("look", "link");
    m_cancel->setToolTip(tr("Stop this work; what is on screen stays (Esc)"));
    m_cancel->hide();
    m_bar->setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    connect(m_cancel, &QPushButton::clicked, this, &JobLine::cancelRequested);
    m_appear.setSingleShot(true);
    m_appear.setInterval(kAppearMs);
    connect(&m_appear, &QTimer::timeout, this, &JobLine::showWork);
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->addWidget(m_stage, 1);
    row->addWidget(m_bar);
    row->addWidget(m_cancel);
    connect(themes, &ThemeController::changed, this, &JobLine::applyTheme);
    applyTheme();
}

void JobLine::applyTheme() {
    const Theme& theme = m_themes->theme();
    layout()->setSpacing(theme.px(12));
    m_bar->setFixedWidth(theme.px(160));
}

void JobLine::setWork(const WorkState& work) {
    m_work = work;
    if (work.busy && !m_appear.isActive() && m_cancel->isHidden()) return m_appear.start();
    if (!work.busy) m_appear.stop();
    if (!m_appear.isActive()) showWork();
}

void JobLine::setSummary(const QString& summary) {
    m_summary = summary;
    if (m_cancel->isHidden()) m_stage->setText(summary);
}

QString JobLine::text() const {
    return m_stage->text();
}

void JobLine::showWork() {
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
