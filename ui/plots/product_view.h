// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "plots/plot_view.h"

namespace quantscope {

/// A matrix of texts, row by row; a window of a larger one.
struct TextMatrix {
    QString title;
    int rows = 0;
    int cols = 0;
    std::vector<QString> cells;

    [[nodiscard]] const QString& at(int row, int col) const {
        return cells[static_cast<size_t>(row) * static_cast<size_t>(cols) + static_cast<size_t>(col)];
    }
    [[nodiscard]] bool isEmpty() const { return cells.empty(); }
};

/// A product Y = X W as windows of its matrices around the current cell and step: `rows` tokens, `channels`
/// output channels, `depth` inputs.
struct ProductSeries {
    int rows = 0;
    int channels = 0;
    int depth = 0;
    qint64 firstRow = 0;
    qint64 firstChannel = 0;
    qint64 firstInput = 0;
    qint64 totalRows = 0;
    qint64 totalChannels = 0;
    qint64 totalInputs = 0;
    TextMatrix x;              ///< rows x depth: real values
    TextMatrix xScales;        ///< rows x 1, or empty
    TextMatrix xCodes;         ///< rows x depth
    TextMatrix wCodes;         ///< depth x channels
    TextMatrix wScales;        ///< 1 x channels, or empty
    TextMatrix sums;           ///< rows x channels: accumulators
    TextMatrix factors;        ///< rows x channels: outer product of the scales, or empty
    TextMatrix results;        ///< rows x channels
    TextMatrix exact;          ///< rows x channels
    std::vector<bool> lifted;  ///< inputs multiplied in float
    QString running;           ///< the current cell's accumulator at this step
    qint64 row = 0;            ///< current cell and step, in the whole matrices
    qint64 channel = 0;
    qint64 step = 0;
    bool cellDone = false;  ///< the step is the last one
};

/// The matrices of a product side by side, with the row, the column and the cell at work in colour. A click
/// chooses the cell or the step. What does not fit is left out from the sides: first the float matrices, then
/// inputs and channels far from the current ones.
class ProductView : public PlotView {
    Q_OBJECT
 public:
    explicit ProductView(ThemeController* themes, QWidget* parent = nullptr);
    void setSeries(ProductSeries series);
    [[nodiscard]] const ProductSeries& series() const { return m_series; }
    [[nodiscard]] PlotTable table() const override;

 Q_SIGNALS:
    void cellChosen(qint64 row, qint64 channel);
    void stepChosen(qint64 step);

 protected:
    void paintData(QPainter& painter, const QRect& area) override;
    [[nodiscard]] QString hoverText(double x, double y) const override;
    void clicked(const QPointF& position) override;

 private:
    enum class Role { X, XScale, XCode, WCode, WScale, Sum, Factor, Result, Exact };
    struct Block;
    struct Span {
        int first = 0;
        int count = 0;
    };
    struct Hit {
        QRect box;
        Role role;
        int row;
        int col;
    };

    [[nodiscard]] std::vector<Block> allBlocks(int effort, const Span& channels, const Span& inputs) const;
    [[nodiscard]] std::vector<Block> blocksFor(int width, Span& channels, Span& inputs) const;
    void chooseSize(const QRect& area);
    [[nodiscard]] int neededWidth(const std::vector<Block>& blocks) const;
    [[nodiscard]] int widthOf(const Block& block) const;
    [[nodiscard]] int cellHeight() const;
    void paintBlock(QPainter& painter, const Block& block, int left, int top);
    void paintCell(QPainter& painter, const Block& block, const QRect& box, int row, int col);
    [[nodiscard]] QColor cellColor(Role role, int row, int col) const;
    [[nodiscard]] bool isPending(Role role, int row, int col) const;
    [[nodiscard]] const Hit* hitAt(const QPointF& position) const;
    [[nodiscard]] QString describeCell(const Hit& hit) const;

    ProductSeries m_series;
    std::vector<Hit> m_hits;  ///< of the last painting
    double m_size = 13;       ///< of the numbers, in pixels at scale 1: as large as all matrices fit
};

}  // namespace quantscope
