// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>

#include "theme/theme.h"

class QApplication;

namespace quantscope {

/// Owns the theme in use and announces changes. main makes one and hands it to the widgets, which keep the
/// pointer (it outlives them) and read theme() when they paint.
class ThemeController : public QObject {
    Q_OBJECT
 public:
    explicit ThemeController(QObject* parent = nullptr);

    [[nodiscard]] const Theme& theme() const { return m_theme; }
    [[nodiscard]] bool isDark() const { return m_theme.isDark; }
    [[nodiscard]] bool isPresentation() const { return m_theme.isPresentation; }

    void setDark(bool dark);
    void setPresentation(bool presentation);

    /// Gives the whole application this theme's palette, font and style sheet, now and on every change.
    void applyTo(QApplication& application);

 Q_SIGNALS:
    void changed(const quantscope::Theme& theme);

 private:
    void replace(const Theme& theme);

    Theme m_theme;
    QApplication* m_application = nullptr;
};

/// The style sheet of the standard widgets under a theme.
QString styleSheetOf(const Theme& theme);

}  // namespace quantscope
