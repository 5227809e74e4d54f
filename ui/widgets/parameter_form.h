// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "quant/scheme/parameter.h"

class QGridLayout;
class QLabel;

namespace quantscope {

class ParameterControl;
class ThemeController;

/// Rows of label and control for a list of parameters, with room for an error under each. Rebuilds only the
/// rows that differ in description, so the control under the mouse survives its own edits.
class ParameterForm : public QWidget {
    Q_OBJECT
 public:
    explicit ParameterForm(ThemeController* themes, QWidget* parent = nullptr);

    /// Reads the value of a key as text.
    using ValueOf = std::function<std::string(const std::string& key)>;
    void setParameters(const std::vector<ParameterInfo>& parameters, const ValueOf& valueOf);
    void setColor(const QColor& color);

    /// Shows why a value was refused, under its control; an empty message clears it.
    void setError(const std::string& key, const QString& message);
    [[nodiscard]] QString error(const std::string& key) const;
    [[nodiscard]] ParameterControl* control(const std::string& key) const;

 Q_SIGNALS:
    void edited(const std::string& key, const std::string& value, int drag);

 private:
    struct Row {
        ParameterInfo info;
        QLabel* label = nullptr;
        ParameterControl* control = nullptr;
        QLabel* error = nullptr;
    };
    Row makeRow(const ParameterInfo& info);
    void applyTheme();

    ThemeController* m_themes;
    QGridLayout* m_grid;
    std::vector<Row> m_rows;
    QColor m_color;
};

}  // namespace quantscope
