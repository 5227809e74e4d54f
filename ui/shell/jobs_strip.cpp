// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/jobs_strip.h"

#include <QBoxLayout>

#include "shell/job_line.h"
#include "shell/kernel_chooser.h"
#include "theme/small_widgets.h"
#include "theme/theme_controller.h"

namespace quantscope {

JobsStrip::JobsStrip(ThemeController* themes, KernelSet& kernels, QWidget* parent)
    : QWidget(parent),
      m_themes(themes),
      m_lab(new JobLine(themes)),
      m_background(new JobLine(themes)),
      m_kernels(new KernelChooser(kernels)) {
    setProperty("look", "panel");
    setAttribute(Qt::WA_StyledBackground);
    m_background->hide();
    connect(m_lab, &JobLine::cancelRequested, this, &JobsStrip::cancelRequested);
    connect(m_background, &JobLine::cancelRequested, this, &JobsStrip::backgroundCancelRequested);
    auto* row = new QHBoxLayout(this);
    row->addWidget(m_lab, 1);
    row->addWidget(m_background, 1);
    row->addWidget(m_kernels);
    connect(themes, &ThemeController::changed, this, &JobsStrip::applyTheme);
    applyTheme();
}

void JobsStrip::applyTheme() {
    const Theme& theme = m_themes->theme();
    layout()->setContentsMargins(theme.px(14), theme.px(2), theme.px(14), theme.px(2));
    layout()->setSpacing(theme.px(20));
    setFixedHeight(theme.px(27));
}

QPushButton* JobsStrip::cancelButton() const {
    return m_lab->cancelButton();
}

void JobsStrip::setWork(const WorkState& work) {
    m_lab->setWork(work);
}

void JobsStrip::setSummary(const QString& summary) {
    m_lab->setSummary(summary);
}

void JobsStrip::setBackgroundWork(const WorkState& work) {
    m_background->setVisible(work.busy);
    m_background->setWork(work);
}

}  // namespace quantscope
