// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QStringList>
#include <QWidget>

namespace quantscope {

class ThemeController;

/// A thin horizontal slider over the positions 0..count-1 with labelled ticks. A round knob in the variant's
/// colour; arrow keys, wheel (when focused), click and drag. Reports every position while it is dragged.
class TickSlider : public QWidget {
    Q_OBJECT
 public:
    explicit TickSlider(ThemeController* themes, QWidget* parent = nullptr);

    /// `labels` has one entry a position; empty entries draw no text.
    void setPositions(int count, const QStringList& labels);
    void setPosition(int position);
    [[nodiscard]] int position() const { return m_position; }
    [[nodiscard]] int count() const { return m_count; }
    void setColor(const QColor& color);
    [[nodiscard]] bool isDragging() const { return m_drag != 0; }

    [[nodiscard]] QSize sizeHint() const override;
    /// Without labels it leaves room for a field beside it in a narrow panel.
    [[nodiscard]] QSize minimumSizeHint() const override;

 Q_SIGNALS:
    /// `drag` is the number of the drag in progress, 0 for a key or the wheel.
    void moved(int position, int drag);

 protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;

 private:
    [[nodiscard]] double xOf(int position) const;
    [[nodiscard]] int positionAt(double x) const;
    void moveTo(int position);

    ThemeController* m_themes;
    QStringList m_labels;
    QColor m_color;
    int m_count = 2;
    int m_position = 0;
    int m_drag = 0;
};

}  // namespace quantscope
