// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/product_view.h"

#include <algorithm>

#include "plots/painting.h"

namespace quantscope {

/// A matrix as it is placed: which part of it, and what stands before it.
struct ProductView::Block {
    Role role;
    const TextMatrix* matrix;
    Span rows;
    Span cols;
    QString sign;  ///< "×", "=", "÷"; drawn to the left
};

namespace {

constexpr double kGap = 18;
constexpr double kSignGap = 36;
constexpr double kTitle = 24;

/// `count` of `total` around `centre`.
std::pair<int, int> around(int centre, int count, int total) {
    count = std::min(count, total);
    return {std::clamp(centre - count / 2, 0, total - count), count};
}

}  // namespace

ProductView::ProductView(ThemeController* themes, QWidget* parent) : PlotView(themes, parent) {
    setExportName(QStringLiteral("product"));
    setZoomAxes(ZoomAxes::None);
    setCrosshairEnabled(false);
    showAxes(false, false);
    setHome({0, 1}, {0, 1});
    setExplanation(
        tr("<p>Y = X W in integers. X and W are replaced by codes; every cell of the result sums K products "
           "of codes in "
           "an int32 accumulator; scales (and zero points) turn the sum back into a real number.</p>"
           "<p>y<sub>ij</sub> = S<sub>i</sub> S<sub>j</sub> Σ<sub>k</sub> (a<sub>ik</sub> − "
           "Z<sub>A</sub>)(b<sub>kj</sub> "
           "− Z<sub>B</sub>). With a scale for each row of X and each column of W the scales form an outer "
           "product.</p>"
           "<p>Click a cell of the result to step through it, a cell of Q(X) or Q(W) to jump to its step. "
           "Left and right "
           "arrows step through k, up and down choose the row, Shift with left and right the output "
           "channel.</p>"));
}

void ProductView::setSeries(ProductSeries series) {
    m_series = std::move(series);
    requestReplot();
}

int ProductView::cellHeight() const {
    return theme().px(1.9 * m_size);
}

int ProductView::widthOf(const Block& block) const {
    const QFontMetrics metrics(theme().numberFont(m_size));
    int width = metrics.horizontalAdvance(QStringLiteral("0000"));
    const auto widen = [&](const TextMatrix& matrix) {
        for (const QString& cell : matrix.cells) width = std::max(width, metrics.horizontalAdvance(cell));
    };
    widen(*block.matrix);
    if (block.role == Role::WCode) widen(m_series.wScales);  // they stand under it
    if (block.role == Role::WScale) widen(m_series.wCodes);
    if (block.role == Role::Sum) width = std::max(width, metrics.horizontalAdvance(m_series.running));
    return width + theme().px(0.85 * m_size);
}

int ProductView::neededWidth(const std::vector<Block>& blocks) const {
    const QFontMetrics titles(theme().textFont(12));
    int needed = 0;
    for (const Block& block : blocks) {
        const int own =
            std::max(widthOf(block) * block.cols.count, titles.horizontalAdvance(block.matrix->title));
        needed += own + theme().px(block.sign.isEmpty() ? kGap : kSignGap);
    }
    return needed - theme().px(kGap);
}

/// The matrices from left to right; the higher the effort to save room, the fewer.
std::vector<ProductView::Block> ProductView::allBlocks(int effort, const Span& channels,
                                                       const Span& inputs) const {
    const ProductSeries& s = m_series;
    const Span rows{0, s.rows};
    std::vector<Block> blocks;
    const auto add = [&](Role role, const TextMatrix& matrix, Span down, Span across, const char* sign = "") {
        if (!matrix.isEmpty()) blocks.push_back({role, &matrix, down, across, QString::fromUtf8(sign)});
    };
    if (effort < 2) add(Role::X, s.x, rows, inputs);
    if (effort < 4) add(Role::XScale, s.xScales, rows, {0, 1});
    add(Role::XCode, s.xCodes, rows, inputs);
    add(Role::WCode, s.wCodes, inputs, channels, "×");
    add(Role::Sum, s.sums, rows, channels, "=");
    if (effort < 3) add(Role::Factor, s.factors, rows, channels, "÷");
    add(Role::Result, s.results, rows, channels, s.sums.isEmpty() || effort < 3 ? "=" : "→");
    if (effort < 1) add(Role::Exact, s.exact, rows, channels);
    return blocks;
}

/// The largest type in which everything stands side by side, or the normal one.
void ProductView::chooseSize(const QRect& area) {
    const ProductSeries& s = m_series;
    const int lines = std::max(s.rows, s.depth + (s.wScales.isEmpty() ? 0 : 2));
    for (const double size : {18.0, 17.0, 16.0, 15.0, 14.0, 13.0, 12.0}) {
        m_size = size;
        const bool high = theme().px(kTitle) + cellHeight() * lines <= area.height();
        if (high && neededWidth(allBlocks(0, {0, s.channels}, {0, s.depth})) <= area.width()) return;
    }
    m_size = 13;
}

/// All matrices where there is room; less and less where there is not.
std::vector<ProductView::Block> ProductView::blocksFor(int width, Span& channels, Span& inputs) const {
    const ProductSeries& s = m_series;
    const auto step = static_cast<int>(s.step - s.firstInput);
    const auto channel = static_cast<int>(s.channel - s.firstChannel);
    int effort = 0;
    while (true) {
        std::vector<Block> blocks = allBlocks(effort, channels, inputs);
        const bool few = inputs.count <= 3 && channels.count <= 2;
        const bool smallest = inputs.count <= 2 && channels.count <= 1;
        if (neededWidth(blocks) <= width || (smallest && effort == 4)) return blocks;
        // First the matrices that can be missed, then what lies far away, at last the rows' scales.
        if (effort < 3 || (few && effort < 4)) {
            ++effort;
        } else if (channels.count > 2 || inputs.count <= 2) {
            std::tie(channels.first, channels.count) = around(channel, channels.count - 1, s.channels);
        } else {
            std::tie(inputs.first, inputs.count) = around(step, inputs.count - 1, s.depth);
        }
    }
}

void ProductView::paintData(QPainter& painter, const QRect& area) {
    m_hits.clear();
    const ProductSeries& s = m_series;
    if (s.rows == 0) return;
    chooseSize(area.adjusted(theme().px(4), 0, -theme().px(4), 0));
    const int cell = cellHeight();
    const int title = theme().px(kTitle);
    const int room = std::max(1, (area.height() - title) / cell);
    Span inputs{0, s.depth};
    Span channels{0, s.channels};
    // The column scales stand under W: they take two lines.
    std::tie(inputs.first, inputs.count) = around(static_cast<int>(s.step - s.firstInput),
                                                  std::max(2, room - (s.wScales.isEmpty() ? 0 : 2)), s.depth);
    const auto blocks = blocksFor(area.width() - theme().px(8), channels, inputs);
    const auto [firstRow, rowCount] = around(static_cast<int>(s.row - s.firstRow), room, s.rows);
    const QFontMetrics titles(theme().textFont(12));
    int left = area.left() + theme().px(4);
    for (Block block : blocks) {
        if (!block.sign.isEmpty()) {
            painter.setFont(theme().textFont(18));
            painter.setPen(theme().mutedText);
            painter.drawText(
                QRect(left - theme().px(kGap), area.top() + title, theme().px(kSignGap), cell * 2),
                Qt::AlignCenter, block.sign);
            left += theme().px(kSignGap - kGap);
        }
        if (block.role != Role::WCode) block.rows = {firstRow, rowCount};
        paintBlock(painter, block, left, area.top());
        if (block.role == Role::WCode && !s.wScales.isEmpty()) {
            const Block scales{Role::WScale, &s.wScales, {0, 1}, block.cols, {}};
            const int below = area.top() + cell * block.rows.count + title + theme().px(4);
            if (below + title + cell <= area.bottom() + theme().px(8))
                paintBlock(painter, scales, left, below);
        }
        left += std::max(widthOf(block) * block.cols.count, titles.horizontalAdvance(block.matrix->title)) +
                theme().px(kGap);
    }
}

void ProductView::paintBlock(QPainter& painter, const Block& block, int left, int top) {
    painter.setFont(theme().textFont(12));
    painter.setPen(theme().mutedText);
    const int width = widthOf(block);
    const int titleWidth = painter.fontMetrics().horizontalAdvance(block.matrix->title) + 4;
    painter.drawText(QRect(left, top, titleWidth, theme().px(22)), Qt::AlignLeft | Qt::AlignVCenter,
                     block.matrix->title);
    const int cell = cellHeight();
    const int first = top + theme().px(kTitle);
    for (int r = 0; r < block.rows.count; ++r) {
        for (int c = 0; c < block.cols.count; ++c) {
            const QRect box(left + c * width, first + r * cell, width - theme().px(2), cell - theme().px(2));
            paintCell(painter, block, box, block.rows.first + r, block.cols.first + c);
        }
    }
}

bool ProductView::isPending(Role role, int row, int col) const {
    if (role != Role::Sum && role != Role::Result && role != Role::Factor) return false;
    const ProductSeries& s = m_series;
    const qint64 cell = (s.firstRow + row) * s.totalChannels + s.firstChannel + col;
    const qint64 current = s.row * s.totalChannels + s.channel;
    return cell > current || (cell == current && role == Role::Result && !s.cellDone);
}

QColor ProductView::cellColor(Role role, int row, int col) const {
    const ProductSeries& s = m_series;
    const bool myRow = s.firstRow + row == s.row;
    const auto tint = [this](int variant, double share) {
        return mixed(theme().variantColor(variant), theme().card, share);
    };
    switch (role) {
        case Role::X:
            break;
        case Role::XScale:
            if (myRow) return tint(1, 0.28);
            break;
        case Role::XCode:
            if (s.lifted[static_cast<size_t>(col)])
                return mixed(theme().warning, theme().card, myRow ? 0.4 : 0.2);
            if (myRow)
                return tint(1, s.firstInput + col == s.step  ? 0.62
                               : s.firstInput + col < s.step ? 0.34
                                                             : 0.2);
            break;
        case Role::WCode: {
            const bool mine = s.firstChannel + col == s.channel;
            if (s.lifted[static_cast<size_t>(row)])
                return mixed(theme().warning, theme().card, mine ? 0.4 : 0.2);
            if (mine)
                return tint(2, s.firstInput + row == s.step  ? 0.7
                               : s.firstInput + row < s.step ? 0.42
                                                             : 0.24);
            break;
        }
        case Role::WScale:
            if (s.firstChannel + col == s.channel) return tint(2, 0.3);
            break;
        case Role::Sum:
        case Role::Factor:
        case Role::Result:
        case Role::Exact:
            if (myRow && s.firstChannel + col == s.channel) return tint(3, 0.34);
            break;
    }
    return theme().field;
}

void ProductView::paintCell(QPainter& painter, const Block& block, const QRect& box, int row, int col) {
    const ProductSeries& s = m_series;
    const bool isLifted = (block.role == Role::XCode && s.lifted[static_cast<size_t>(col)]) ||
                          (block.role == Role::WCode && s.lifted[static_cast<size_t>(row)]);
    // A lifted-out column stands out of its matrix.
    const QRect place = !isLifted                   ? box
                        : block.role == Role::XCode ? box.translated(0, -theme().px(5))
                                                    : box.translated(theme().px(7), 0);
    painter.fillRect(place, cellColor(block.role, row, col));
    m_hits.push_back({place, block.role, row, col});
    const bool current =
        block.role == Role::Sum && s.firstRow + row == s.row && s.firstChannel + col == s.channel;
    const bool pending = isPending(block.role, row, col);
    painter.setFont(theme().numberFont(m_size, current ? QFont::DemiBold : QFont::Normal));
    painter.setPen(pending ? theme().disabledText : theme().text);
    painter.drawText(place, Qt::AlignCenter, current ? s.running : block.matrix->at(row, col));
}

const ProductView::Hit* ProductView::hitAt(const QPointF& position) const {
    const auto found = std::find_if(m_hits.begin(), m_hits.end(),
                                    [&](const Hit& hit) { return hit.box.contains(position.toPoint()); });
    return found == m_hits.end() ? nullptr : &*found;
}

void ProductView::clicked(const QPointF& position) {
    const Hit* hit = hitAt(position);
    if (!hit) return;
    const qint64 row = m_series.firstRow + hit->row;
    const qint64 column = m_series.firstChannel + hit->col;
    switch (hit->role) {
        case Role::Sum:
        case Role::Factor:
        case Role::Result:
        case Role::Exact:
            return Q_EMIT cellChosen(row, column);
        case Role::X:
        case Role::XCode:
            if (row != m_series.row) return Q_EMIT cellChosen(row, m_series.channel);
            return Q_EMIT stepChosen(m_series.firstInput + hit->col);
        case Role::WCode:
            if (column != m_series.channel) return Q_EMIT cellChosen(m_series.row, column);
            return Q_EMIT stepChosen(m_series.firstInput + hit->row);
        case Role::XScale:
            return Q_EMIT cellChosen(row, m_series.channel);
        case Role::WScale:
            return Q_EMIT cellChosen(m_series.row, column);
    }
}

QString ProductView::describeCell(const Hit& hit) const {
    const ProductSeries& s = m_series;
    const qint64 row = s.firstRow + hit.row;
    const qint64 channel = s.firstChannel + hit.col;
    switch (hit.role) {
        case Role::X:
            return tr("X, row %1, input %2: %3")
                .arg(row)
                .arg(s.firstInput + hit.col)
                .arg(s.x.at(hit.row, hit.col));
        case Role::XScale:
            return tr("row %1: %2 %3").arg(row).arg(s.xScales.title, s.xScales.at(hit.row, 0));
        case Role::XCode:
            return tr("row %1, input %2: code %3 for %4")
                .arg(row)
                .arg(s.firstInput + hit.col)
                .arg(s.xCodes.at(hit.row, hit.col), s.x.at(hit.row, hit.col));
        case Role::WCode:
            return tr("input %1, output channel %2: code %3")
                .arg(s.firstInput + hit.row)
                .arg(channel)
                .arg(s.wCodes.at(hit.row, hit.col));
        case Role::WScale:
            return tr("output channel %1: %2 %3").arg(channel).arg(s.wScales.title, s.wScales.at(0, hit.col));
        default:
            break;
    }
    return tr("row %1, output channel %2: %3, result %4, exact %5")
        .arg(row)
        .arg(channel)
        .arg(s.sums.isEmpty() ? QString() : tr("sum %1").arg(s.sums.at(hit.row, hit.col)),
             s.results.at(hit.row, hit.col), s.exact.at(hit.row, hit.col));
}

QString ProductView::hoverText(double x, double y) const {
    const Hit* hit = hitAt(positionOf(x, y));
    return hit ? describeCell(*hit) : QString();
}

PlotTable ProductView::table() const {
    PlotTable table{
        {QStringLiteral("matrix"), QStringLiteral("row"), QStringLiteral("column"), QStringLiteral("value")},
        {}};
    const ProductSeries& s = m_series;
    const auto add = [&](const TextMatrix& matrix, qint64 firstRow, qint64 firstCol) {
        for (int r = 0; r < matrix.rows; ++r)
            for (int c = 0; c < matrix.cols; ++c)
                table.rows.append({matrix.title, QString::number(firstRow + r), QString::number(firstCol + c),
                                   matrix.at(r, c)});
    };
    add(s.x, s.firstRow, s.firstInput);
    add(s.xScales, s.firstRow, 0);
    add(s.xCodes, s.firstRow, s.firstInput);
    add(s.wCodes, s.firstInput, s.firstChannel);
    add(s.wScales, 0, s.firstChannel);
    for (const TextMatrix* matrix : {&s.sums, &s.factors, &s.results, &s.exact})
        add(*matrix, s.firstRow, s.firstChannel);
    return table;
}

}  // namespace quantscope
