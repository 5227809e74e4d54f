// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/parameter_form.h"

#include <QGridLayout>
#include <QLabel>
#include <algorithm>

#include "theme/theme_controller.h"
#include "widgets/parameter_control.h"

namespace quantscope {
namespace {

/// Longer labels wrap: the controls of all rows begin at one edge and keep most of the panel.
constexpr int kLabelWidth = 94;

bool sameChoices(const std::vector<ParameterChoice>& a, const std::vector<ParameterChoice>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const auto& x, const auto& y) { return x.value == y.value && x.label == y.label; });
}

/// Whether one control can serve both.
bool sameControl(const ParameterInfo& a, const ParameterInfo& b) {
    return a.key == b.key && a.kind == b.kind && a.label == b.label && a.minimum == b.minimum &&
           a.maximum == b.maximum && a.step == b.step && a.slider == b.slider &&
           sameChoices(a.choices, b.choices);
}

}  // namespace

ParameterForm::ParameterForm(ThemeController* themes, QWidget* parent)
    : QWidget(parent), m_themes(themes), m_grid(new QGridLayout(this)), m_color(themes->theme().accent) {
    m_grid->setContentsMargins(0, 0, 0, 0);
    m_grid->setColumnStretch(1, 1);
    connect(themes, &ThemeController::changed, this, &ParameterForm::applyTheme);
    applyTheme();
}

void ParameterForm::applyTheme() {
    const Theme& theme = m_themes->theme();
    m_grid->setHorizontalSpacing(theme.px(8));
    m_grid->setVerticalSpacing(theme.px(5));
    for (const Row& row : m_rows) row.label->setFixedWidth(theme.px(kLabelWidth));
}

ParameterForm::Row ParameterForm::makeRow(const ParameterInfo& info) {
    Row row;
    row.info = info;
    row.label = new QLabel(QString::fromStdString(info.label), this);
    row.label->setProperty("look", "muted");
    row.label->setWordWrap(true);
    row.label->setFixedWidth(m_themes->theme().px(kLabelWidth));
    row.label->setToolTip(QString::fromStdString(info.help));
    row.label->setAlignment(info.slider ? Qt::AlignTop | Qt::AlignLeft : Qt::AlignVCenter | Qt::AlignLeft);
    row.control = ParameterControl::create(m_themes, info, this);
    row.control->setColor(m_color);
    row.label->setBuddy(row.control);
    row.error = new QLabel(this);
    row.error->setProperty("look", "bad");
    row.error->setWordWrap(true);
    row.error->hide();
    connect(row.control, &ParameterControl::edited, this,
            [this, key = info.key](const std::string& value, int drag) { Q_EMIT edited(key, value, drag); });
    return row;
}

void ParameterForm::setParameters(const std::vector<ParameterInfo>& parameters, const ValueOf& valueOf) {
    std::vector<Row> old = std::move(m_rows);
    m_rows.clear();
    for (const ParameterInfo& info : parameters) {
        const auto kept = std::find_if(old.begin(), old.end(), [&](const Row& row) {
            return row.control && sameControl(row.info, info);
        });
        if (kept == old.end()) {
            m_rows.push_back(makeRow(info));
        } else {
            m_rows.push_back(*kept);
            kept->control = nullptr;
        }
    }
    for (const Row& row : old) {
        if (!row.control) continue;
        row.label->deleteLater();
        row.control->hide();
        row.control->deleteLater();
        row.error->deleteLater();
        row.label->hide();
        row.error->hide();
    }
    while (QLayoutItem* item = m_grid->takeAt(0)) delete item;
    QWidget* previous = nullptr;
    for (size_t i = 0; i < m_rows.size(); ++i) {
        const Row& row = m_rows[i];
        const int line = 2 * static_cast<int>(i);
        m_grid->addWidget(row.label, line, 0);
        m_grid->addWidget(row.control, line, 1);
        m_grid->addWidget(row.error, line + 1, 0, 1, 2);
        row.label->show();
        row.control->show();
        if (previous) setTabOrder(previous, row.control);
        previous = row.control;
        row.control->setValue(valueOf(row.info.key));
        setError(row.info.key, {});
    }
}

void ParameterForm::setColor(const QColor& color) {
    m_color = color;
    for (const Row& row : m_rows) row.control->setColor(color);
}

void ParameterForm::setError(const std::string& key, const QString& message) {
    for (const Row& row : m_rows) {
        if (row.info.key != key) continue;
        if (row.error->text() == message && row.error->isVisibleTo(this) == !message.isEmpty()) return;
        row.error->setText(message);
        row.error->setVisible(!message.isEmpty());
        row.control->setInvalid(!message.isEmpty());
    }
}

QString ParameterForm::error(const std::string& key) const {
    for (const Row& row : m_rows) {
        if (row.info.key == key) return row.error->text();
    }
    return {};
}

ParameterControl* ParameterForm::control(const std::string& key) const {
    for (const Row& row : m_rows) {
        if (row.info.key == key) return row.control;
    }
    return nullptr;
}

}  // namespace quantscope
