// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QScrollArea>
#include <vector>

namespace quantscope {

class ThemeController;

/// Rows of cards below each other. Where all fit they share the height; where the window is too small for
/// them, as many as fit fill the view exactly and the rest follow on further pages, so that no card is ever
/// cut. Page up, page down, the wheel beside the plots and the scroll bar turn the pages.
class RowPage : public QScrollArea {
    Q_OBJECT
 public:
    explicit RowPage(ThemeController* themes, QWidget* parent = nullptr);

    /// `minimum` is a height at scale 1; what is left over is shared in proportion to `stretch`.
    void addRow(QWidget* row, int minimum, int stretch);
    void setRowMinimum(const QWidget* row, int minimum);
    [[nodiscard]] int pageCount() const { return m_pages; }
    void turnPage(int pages);

 protected:
    void resizeEvent(QResizeEvent* event) override;

 private:
    struct Row {
        QWidget* widget;
        int minimum;
        int stretch;
    };

    void fit();
    int placePage(size_t first, size_t end, int top);
    [[nodiscard]] int heightOf(const Row& row) const;
    [[nodiscard]] int step() const;

    ThemeController* m_themes;
    QWidget* m_content;
    std::vector<Row> m_rows;
    int m_pages = 1;
};

}  // namespace quantscope
