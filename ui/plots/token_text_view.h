// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractScrollArea>
#include <QRect>
#include <vector>

#include "plots/plot_files.h"

namespace quantscope {

class ThemeController;

/// One token of the text. Tokens before the scored ones give context and have no colour.
struct TextToken {
    QString text;
    bool scored = false;
    double nllReference = 0;
    double nll = 0;
    double kl = 0;
};

/// The text itself, every token coloured by how much less likely it became (or by its KL divergence).
class TokenTextView : public QAbstractScrollArea {
    Q_OBJECT
 public:
    enum class Measure { DeltaNll, Kl };

    explicit TokenTextView(ThemeController* themes, QWidget* parent = nullptr);
    void setTokens(std::vector<TextToken> tokens);
    void setMeasure(Measure measure);
    [[nodiscard]] Measure measure() const { return m_measure; }
    [[nodiscard]] int selected() const { return m_selected; }
    [[nodiscard]] PlotTable table() const;
    /// The text on screen as a picture, all tokens as a table.
    [[nodiscard]] PlotExport exported();
    /// Where a token is drawn, in the viewport.
    [[nodiscard]] QRect tokenBox(int index) const;
    [[nodiscard]] QColor tokenColor(int index) const;
    [[nodiscard]] QString detail(int index) const;

 Q_SIGNALS:
    void tokenHovered(int index);
    void tokenSelected(int index);

 protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;
    void leaveEvent(QEvent* event) override;
    bool viewportEvent(QEvent* event) override;

 private:
    void layoutTokens();
    void paintTokens(QPainter& painter);
    [[nodiscard]] int tokenAt(const QPoint& position) const;
    [[nodiscard]] double value(const TextToken& token) const;

    ThemeController* m_themes;
    std::vector<TextToken> m_tokens;
    std::vector<QRect> m_boxes;
    Measure m_measure = Measure::DeltaNll;
    int m_hovered = -1;
    int m_selected = -1;
};

}  // namespace quantscope
