// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QWidget>
#include <string>

#include "quant/scheme/parameter.h"

class QLabel;

namespace quantscope {

class ThemeController;

/// The control of one parameter, chosen by its description alone: a choice list, a slider with ticks, a
/// number field, a check box. Values travel as the text that text forms use.
class ParameterControl : public QWidget {
    Q_OBJECT
 public:
    /// The control that fits `info`.
    static ParameterControl* create(ThemeController* themes, const ParameterInfo& info,
                                    QWidget* parent = nullptr);

    [[nodiscard]] const ParameterInfo& info() const { return m_info; }
    /// Shows a value without reporting it.
    virtual void setValue(const std::string& value) = 0;
    [[nodiscard]] virtual std::string value() const = 0;
    virtual void setColor(const QColor&) {}
    /// Marks the control as holding a value that was refused.
    virtual void setInvalid(bool) {}

 Q_SIGNALS:
    /// A person changed the value; `drag` numbers the drag it belongs to, 0 when it is a single step.
    void edited(const std::string& value, int drag);

 protected:
    ParameterControl(const ParameterInfo& info, QWidget* parent) : QWidget(parent), m_info(info) {}

    ParameterInfo m_info;
};

}  // namespace quantscope
