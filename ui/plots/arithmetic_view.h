// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "plots/plot_view.h"

namespace quantscope {

/// One line of a computation: what it is, and the numbers.
struct ArithmeticLine {
    QString label;
    QString text;
    enum class Tone { Normal, Strong, Muted, Note } tone = Tone::Normal;
};

/// A computation written out, numbers in a monospaced face, aligned under each other; in two columns where
/// that allows larger type.
class ArithmeticView : public PlotView {
    Q_OBJECT
 public:
    explicit ArithmeticView(ThemeController* themes, QWidget* parent = nullptr);
    void setLines(std::vector<ArithmeticLine> lines);
    [[nodiscard]] const std::vector<ArithmeticLine>& lines() const { return m_lines; }
    [[nodiscard]] PlotTable table() const override;

 protected:
    void paintData(QPainter& painter, const QRect& area) override;

 private:
    int paintLine(QPainter& painter, const ArithmeticLine& line, const QRect& place, int labelWidth,
                  double size, bool draw) const;
    [[nodiscard]] int labelWidthAt(double size) const;
    bool layOut(QPainter& painter, const QRect& body, double size, int columns, bool unbroken,
                bool draw) const;

    std::vector<ArithmeticLine> m_lines;
};

}  // namespace quantscope
