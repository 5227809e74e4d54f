// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QWidget>

class QLabel;
class QStackedLayout;

namespace quantscope {

class ElidedLabel;
class IconButton;
class SlimProgressBar;
class ThemeController;

/// A quiet rounded panel: title left, subtitle right, content below. Shows, in the place of the content, why
/// there is none (showEmpty) or what failed and how to mend it (showError); progress is a thin line under the
/// title that never hides the content.
class Card : public QWidget {
    Q_OBJECT
 public:
    Card(ThemeController* themes, const QString& title, QWidget* parent = nullptr);

    /// Takes ownership. One content a card.
    void setContent(QWidget* content);
    [[nodiscard]] QWidget* content() const { return m_content; }

    void setTitle(const QString& title);
    [[nodiscard]] QString title() const;
    void setSubtitle(const QString& subtitle);
    [[nodiscard]] QString subtitle() const;

    /// Text of "what am I looking at": a few sentences with the formula. Shows the ? button when not empty.
    void setHelp(const QString& richText);
    /// A small button or choice at the right end of the title row.
    void addHeaderWidget(QWidget* widget);

    void showContent();
    /// A calm sentence instead of content: "Open a model to see its layers".
    void showEmpty(const QString& sentence);
    /// What failed and what to do about it, in the content's place.
    void showError(const QString& message, const QString& fix = {});
    [[nodiscard]] bool isShowingError() const;

    /// 0..1 shows the thin bar (after 150 ms, so that short work does not flicker); negative hides it.
    void setProgress(double fraction);

 protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

 private:
    void applyTheme();
    void showHelp();
    void fitHeader();

    ThemeController* m_themes;
    ElidedLabel* m_title;
    ElidedLabel* m_subtitle;
    IconButton* m_helpButton;
    SlimProgressBar* m_progress;
    QWidget* m_header;
    QWidget* m_body;
    QStackedLayout* m_stack;
    QWidget* m_content = nullptr;
    QWidget* m_messagePage;
    QLabel* m_message;
    QLabel* m_fix;
    QString m_help;
    bool m_isError = false;
};

}  // namespace quantscope
