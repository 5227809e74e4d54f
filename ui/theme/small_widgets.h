// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractButton>
#include <QTimer>
#include <QWidget>

namespace quantscope {

class ThemeController;

/// A line of text that ends in "…" where it does not fit and shows the whole as tooltip then.
class ElidedLabel : public QWidget {
    Q_OBJECT
 public:
    enum class Role { Title, Normal, Muted, Number, MutedNumber };

    ElidedLabel(ThemeController* themes, Role role, QWidget* parent = nullptr);
    void setText(const QString& text);
    [[nodiscard]] QString text() const { return m_text; }
    void setAlignment(Qt::Alignment alignment);
    void setElideMode(Qt::TextElideMode mode);
    /// A text of several parts, "a · b · c", loses whole parts from its end where it does not fit. What
    /// remains ends in "…", or with this shows not at all.
    void setDropsWhenCut(bool drops);
    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;

 protected:
    void paintEvent(QPaintEvent* event) override;
    bool event(QEvent* event) override;

 private:
    [[nodiscard]] QFont roleFont() const;
    [[nodiscard]] QString fitted(const QFontMetrics& metrics) const;

    ThemeController* m_themes;
    Role m_role;
    QString m_text;
    Qt::Alignment m_alignment = Qt::AlignLeft | Qt::AlignVCenter;
    Qt::TextElideMode m_elide = Qt::ElideRight;
    bool m_dropsWhenCut = false;
};

/// A flat button with a drawn icon: a few strokes, so it is sharp at every scale and follows the theme.
class IconButton : public QAbstractButton {
    Q_OBJECT
 public:
    enum class Icon {
        Help,
        Add,
        Close,
        Copy,
        Duplicate,
        More,
        Undo,
        Redo,
        Sun,
        Moon,
        Present,
        Up,
        Down,
        Reset,
        Save,
        Stop
    };

    IconButton(ThemeController* themes, Icon icon, const QString& tip, QWidget* parent = nullptr);
    void setIconKind(Icon icon);
    [[nodiscard]] QSize sizeHint() const override;

 protected:
    void paintEvent(QPaintEvent* event) override;
    void enterEvent(QEnterEvent* event) override;
    void leaveEvent(QEvent* event) override;

 private:
    ThemeController* m_themes;
    Icon m_icon;
};

/// A 3 pixel line that fills. Appears 150 ms after progress begins, so that short work does not flicker.
class SlimProgressBar : public QWidget {
    Q_OBJECT
 public:
    explicit SlimProgressBar(ThemeController* themes, QWidget* parent = nullptr);
    /// 0..1; negative hides the line.
    void setFraction(double fraction);
    [[nodiscard]] double fraction() const { return m_fraction; }
    [[nodiscard]] QSize sizeHint() const override;

 protected:
    void paintEvent(QPaintEvent* event) override;

 private:
    ThemeController* m_themes;
    QTimer m_appear;
    double m_fraction = -1;
    bool m_visibleLine = false;
};

}  // namespace quantscope
