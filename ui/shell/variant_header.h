// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QWidget>

class QLineEdit;

namespace quantscope {

class IconButton;
class ThemeController;

/// The line of a variant card that is always visible: colour, letter, title, bits per weight, menu. A click
/// or Enter asks to open or close the card; F2 or a double click renames in place.
class VariantHeader : public QWidget {
    Q_OBJECT
 public:
    explicit VariantHeader(ThemeController* themes, QWidget* parent = nullptr);

    void setVariant(const QColor& color, const QString& letter, const QString& title);
    void setBits(const QString& bits);
    void setOpen(bool open);
    void setAlert(bool alert);
    /// Opens the name field with `name` in it.
    void beginRename(const QString& name);
    [[nodiscard]] IconButton* menuButton() const { return m_menu; }
    [[nodiscard]] QString title() const { return m_title; }
    [[nodiscard]] QString bits() const { return m_bits; }

    [[nodiscard]] QSize sizeHint() const override;

 Q_SIGNALS:
    void toggled();
    void renameRequested();
    void renamed(const QString& name);

 protected:
    void paintEvent(QPaintEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

 private:
    void placeChildren();
    void chooseLines();
    [[nodiscard]] QString wholeTitle() const;

    ThemeController* m_themes;
    IconButton* m_menu;
    QLineEdit* m_nameField;
    QColor m_color;
    QString m_letter;
    QString m_title;
    QString m_bits;
    bool m_open = false;
    bool m_twoLines = false;
    bool m_alert = false;
};

}  // namespace quantscope
