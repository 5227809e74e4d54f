// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "base/result.h"

class QLabel;

namespace quantscope {

class ThemeController;

/// A line above the labs that says what could not be done, where and how to mend it. It blocks nothing and
/// stays until it is closed or a newer message comes.
class MessageBar : public QWidget {
    Q_OBJECT
 public:
    explicit MessageBar(ThemeController* themes, QWidget* parent = nullptr);

    void showError(const Error& error);
    void showMessage(const QString& text);
    [[nodiscard]] QString text() const;
    /// True while an error is shown: something that was asked for could not be done.
    [[nodiscard]] bool showsError() const { return !isHidden() && m_isError; }

 protected:
    void paintEvent(QPaintEvent* event) override;

 private:
    void present(const QString& richText, const QString& plain, bool isError);

    ThemeController* m_themes;
    QLabel* m_label;
    QString m_plain;
    bool m_isError = true;
};

}  // namespace quantscope
