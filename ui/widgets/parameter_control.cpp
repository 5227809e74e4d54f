// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/parameter_control.h"

#include <QBoxLayout>
#include <QCheckBox>
#include <QComboBox>
#include <QLineEdit>
#include <QStyle>
#include <algorithm>
#include <cmath>

#include "theme/elided_combo_box.h"
#include "theme/theme_controller.h"
#include "widgets/tick_slider.h"

namespace quantscope {
namespace {

constexpr int kContinuousSteps = 200;

void fill(QWidget* host, std::initializer_list<QWidget*> widgets) {
    auto* row = new QHBoxLayout(host);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(6);
    for (QWidget* widget : widgets) row->addWidget(widget);
    host->setFocusProxy(*widgets.begin());
}

void markInvalid(QWidget* widget, bool invalid) {
    widget->setProperty("invalid", invalid);
    widget->style()->unpolish(widget);
    widget->style()->polish(widget);
}

QString numberText(double value) {
    return QString::number(value, 'g', 6);
}

class ChoiceControl final : public ParameterControl {
 public:
    ChoiceControl(const ParameterInfo& info, QWidget* parent)
        : ParameterControl(info, parent), m_box(new ElidedComboBox) {
        for (const ParameterChoice& choice : info.choices) {
            m_box->addItem(QString::fromStdString(choice.label), QString::fromStdString(choice.value));
            m_box->setItemData(m_box->count() - 1, QString::fromStdString(choice.help), Qt::ToolTipRole);
        }
        m_box->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
        m_box->setMinimumContentsLength(6);
        m_box->setFocusPolicy(Qt::StrongFocus);
        fill(this, {m_box});
        connect(m_box, &QComboBox::activated, this, [this] { Q_EMIT edited(value(), 0); });
    }
    void setValue(const std::string& value) override {
        m_box->setCurrentIndex(m_box->findData(QString::fromStdString(value)));
    }
    [[nodiscard]] std::string value() const override { return m_box->currentData().toString().toStdString(); }
    void setInvalid(bool invalid) override { markInvalid(m_box, invalid); }

 private:
    QComboBox* m_box;
};

/// A whole number with preferred stops in a list, where any other number may be typed.
class StopsControl final : public ParameterControl {
 public:
    StopsControl(const ParameterInfo& info, QWidget* parent)
        : ParameterControl(info, parent), m_box(new QComboBox) {
        m_box->setEditable(true);
        m_box->setInsertPolicy(QComboBox::NoInsert);
        m_box->setMinimumContentsLength(6);
        m_box->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
        for (const ParameterChoice& choice : info.choices) {
            m_box->addItem(QString::fromStdString(choice.label.empty() ? choice.value : choice.label),
                           QString::fromStdString(choice.value));
        }
        fill(this, {m_box});
        connect(m_box, &QComboBox::activated, this, [this](int index) {
            m_box->setEditText(m_box->itemData(index).toString());
            report();
        });
        connect(m_box->lineEdit(), &QLineEdit::editingFinished, this, [this] { report(); });
    }
    void setValue(const std::string& value) override {
        m_shown = value;
        m_box->setEditText(QString::fromStdString(value));
    }
    [[nodiscard]] std::string value() const override { return m_box->currentText().trimmed().toStdString(); }
    void setInvalid(bool invalid) override { markInvalid(m_box, invalid); }

 private:
    void report() {
        if (value() == m_shown) return;
        m_shown = value();
        Q_EMIT edited(m_shown, 0);
    }
    QComboBox* m_box;
    std::string m_shown;
};

class FieldControl final : public ParameterControl {
 public:
    FieldControl(const ParameterInfo& info, QWidget* parent)
        : ParameterControl(info, parent), m_field(new QLineEdit) {
        fill(this, {m_field});
        connect(m_field, &QLineEdit::editingFinished, this, [this] {
            if (value() == m_shown) return;
            m_shown = value();
            Q_EMIT edited(m_shown, 0);
        });
    }
    void setValue(const std::string& value) override {
        m_shown = value;
        m_field->setText(QString::fromStdString(value));
    }
    [[nodiscard]] std::string value() const override { return m_field->text().trimmed().toStdString(); }
    void setInvalid(bool invalid) override { markInvalid(m_field, invalid); }

 private:
    QLineEdit* m_field;
    std::string m_shown;
};

/// A slider over stops: the preferred values, or minimum..maximum in steps (a number field beside it then).
class SliderControl final : public ParameterControl {
 public:
    SliderControl(ThemeController* themes, const ParameterInfo& info, QWidget* parent)
        : ParameterControl(info, parent), m_slider(new TickSlider(themes)) {
        QStringList labels;
        for (const ParameterChoice& choice : info.choices) {
            m_stops.push_back(choice.value);
            labels.push_back(QString::fromStdString(choice.value));
        }
        if (m_stops.empty()) {
            m_field = new QLineEdit;
            m_field->setFixedWidth(themes->theme().px(58));
            buildStops();
            fill(this, {m_slider, m_field});
            connect(m_field, &QLineEdit::editingFinished, this, [this] {
                const std::string typed = m_field->text().trimmed().toStdString();
                if (typed == m_value) return;
                m_value = typed;
                Q_EMIT edited(typed, 0);
            });
        } else {
            fill(this, {m_slider});
        }
        m_slider->setPositions(static_cast<int>(m_stops.size()), labels);
        connect(m_slider, &TickSlider::moved, this, [this](int position, int drag) {
            m_value = m_stops[static_cast<size_t>(position)];
            if (m_field) m_field->setText(QString::fromStdString(m_value));
            Q_EMIT edited(m_value, drag);
        });
    }
    void setValue(const std::string& value) override {
        m_value = value;
        if (m_field && !m_field->hasFocus()) m_field->setText(QString::fromStdString(value));
        if (!m_slider->isDragging()) m_slider->setPosition(nearestStop(value));
    }
    [[nodiscard]] std::string value() const override { return m_value; }
    void setColor(const QColor& color) override { m_slider->setColor(color); }
    void setInvalid(bool invalid) override {
        if (m_field) markInvalid(m_field, invalid);
    }

 private:
    void buildStops() {
        const double span = m_info.maximum - m_info.minimum;
        const bool stepped = m_info.step > 0 && span / m_info.step <= 4 * kContinuousSteps;
        const int count = stepped ? static_cast<int>(std::lround(span / m_info.step)) : kContinuousSteps;
        const bool logarithmic = m_info.logarithmic && m_info.minimum > 0;
        for (int i = 0; i <= count; ++i) {
            const double share = static_cast<double>(i) / std::max(1, count);
            double value = m_info.minimum + span * share;
            if (logarithmic) value = m_info.minimum * std::pow(m_info.maximum / m_info.minimum, share);
            if (m_info.kind == ParameterKind::Integer) value = std::round(value);
            m_stops.push_back(numberText(value).toStdString());
        }
    }
    [[nodiscard]] int nearestStop(const std::string& value) const {
        const double wanted = QString::fromStdString(value).toDouble();
        const auto nearest =
            std::min_element(m_stops.begin(), m_stops.end(), [&](const auto& a, const auto& b) {
                return std::abs(QString::fromStdString(a).toDouble() - wanted) <
                       std::abs(QString::fromStdString(b).toDouble() - wanted);
            });
        return static_cast<int>(nearest - m_stops.begin());
    }

    TickSlider* m_slider;
    QLineEdit* m_field = nullptr;
    std::vector<std::string> m_stops;
    std::string m_value;
};

class ToggleControl final : public ParameterControl {
 public:
    ToggleControl(const ParameterInfo& info, QWidget* parent)
        : ParameterControl(info, parent), m_box(new QCheckBox) {
        fill(this, {m_box});
        connect(m_box, &QCheckBox::clicked, this, [this] { Q_EMIT edited(value(), 0); });
    }
    void setValue(const std::string& value) override {
        m_box->setChecked(value == "true" || value == "1" || value == "yes" || value == "on");
    }
    [[nodiscard]] std::string value() const override { return m_box->isChecked() ? "true" : "false"; }

 private:
    QCheckBox* m_box;
};

}  // namespace

ParameterControl* ParameterControl::create(ThemeController* themes, const ParameterInfo& info,
                                           QWidget* parent) {
    ParameterControl* control = nullptr;
    if (info.kind == ParameterKind::Toggle) {
        control = new ToggleControl(info, parent);
    } else if (info.kind == ParameterKind::Choice) {
        control = new ChoiceControl(info, parent);
    } else if (info.slider) {
        control = new SliderControl(themes, info, parent);
    } else if (!info.choices.empty()) {
        control = new StopsControl(info, parent);
    } else {
        control = new FieldControl(info, parent);
    }
    control->setToolTip(QString::fromStdString(info.help));
    control->setAccessibleName(QString::fromStdString(info.label));
    if (control->focusProxy()) {
        control->focusProxy()->setAccessibleName(QString::fromStdString(info.label));
    }
    return control;
}

}  // namespace quantscope
