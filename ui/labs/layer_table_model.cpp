// SPDX-License-Identifier: GPL-3.0-or-later
#include "labs/layer_table_model.h"

#include <QRegularExpression>
#include <algorithm>
#include <cmath>

#include "plots/number_format.h"

namespace quantscope {

namespace {

/// Of analysis' columns those that say something about a layer at a glance.
constexpr LayerColumn kColumns[] = {LayerColumn::Name,
                                    LayerColumn::LocalError,
                                    LayerColumn::AccumulatedError,
                                    LayerColumn::RelativeWeightError,
                                    LayerColumn::WeightSqnr,
                                    LayerColumn::BitsPerWeight,
                                    LayerColumn::AbsMax,
                                    LayerColumn::Kurtosis,
                                    LayerColumn::ActivationAbsMax,
                                    LayerColumn::OutlierChannels};

bool isShare(LayerColumn column) {
    return column == LayerColumn::LocalError || column == LayerColumn::AccumulatedError ||
           column == LayerColumn::RelativeWeightError;
}

const LayerColumnInfo* infoOf(LayerColumn column) {
    const auto all = layerColumns();
    const auto found =
        std::find_if(all.begin(), all.end(), [column](const auto& info) { return info.column == column; });
    return found == all.end() ? nullptr : &*found;
}

QString cellText(const LayerRow& row, LayerColumn column) {
    if (column == LayerColumn::Name) return QString::fromStdString(row.name);
    const double value = layerValue(row, column, 0);
    if (!std::isfinite(value)) return QStringLiteral("–");
    return isShare(column) ? formatPercent(value) : formatNumber(value, 3);
}

}  // namespace

LayerFilter parseLayerFilter(const QString& text) {
    static const QRegularExpression limit(QStringLiteral(R"(^>\s*(\d+(?:[.,]\d+)?)\s*(%?)$)"));
    static const QRegularExpression gap(QStringLiteral(R"((?<=>)\s+|\s+(?=%))"));
    LayerFilter filter;
    QString joined = text.trimmed().toLower();
    joined.remove(gap);
    for (const QString& word : joined.split(QLatin1Char(' '), Qt::SkipEmptyParts)) {
        const auto match = limit.match(word);
        if (!match.hasMatch()) {
            if (!word.startsWith(QLatin1Char('>'))) filter.words << word;
            continue;
        }
        filter.threshold = match.captured(1).replace(QLatin1Char(','), QLatin1Char('.')).toDouble() / 100;
    }
    return filter;
}

QString layerCountText(int64_t shown, int64_t all, int64_t above, const LayerFilter& filter) {
    QString text = shown == all ? QObject::tr("%1 linear layers").arg(all)
                                : QObject::tr("%1 of %2 layers").arg(shown).arg(all);
    if (filter.threshold)
        text += QObject::tr(", %1 above %2").arg(above).arg(formatPercent(*filter.threshold));
    return text;
}

void LayerTableModel::setRows(Rows rows) {
    if (rows == m_rows) return;
    beginResetModel();
    m_rows = std::move(rows);
    arrange();
    endResetModel();
}

void LayerTableModel::setFilter(const LayerFilter& filter) {
    if (filter == m_filter) return;
    beginResetModel();
    m_filter = filter;
    arrange();
    endResetModel();
    Q_EMIT orderChanged();
}

void LayerTableModel::sort(int column, Qt::SortOrder order) {
    beginResetModel();
    m_column = std::clamp(column, 0, columnCount() - 1);
    m_descending = order == Qt::DescendingOrder;
    arrange();
    endResetModel();
    Q_EMIT orderChanged();
}

void LayerTableModel::arrange() {
    m_order.clear();
    if (!m_rows) return;
    const LayerColumn column = m_column == 0 ? LayerColumn::Position : kColumns[m_column];
    m_order = sortedRows(*m_rows, column, m_descending);
    std::erase_if(m_order, [this](int64_t index) {
        const QString name = QString::fromStdString((*m_rows)[static_cast<size_t>(index)].name).toLower();
        return !std::all_of(m_filter.words.begin(), m_filter.words.end(),
                            [&name](const QString& word) { return name.contains(word); });
    });
}

bool LayerTableModel::isAbove(const LayerRow& row) const {
    const double error = std::isfinite(row.localError) ? row.localError : row.weight.relativeFrobenius;
    return m_filter.threshold && error > *m_filter.threshold;
}

int64_t LayerTableModel::aboveCount() const {
    return std::count_if(m_order.begin(), m_order.end(),
                         [this](int64_t index) { return isAbove((*m_rows)[static_cast<size_t>(index)]); });
}

const LayerRow* LayerTableModel::row(int index) const {
    if (index < 0 || index >= rowCount()) return nullptr;
    return &(*m_rows)[static_cast<size_t>(m_order[static_cast<size_t>(index)])];
}

int LayerTableModel::indexOf(const QString& layer) const {
    const std::string name = layer.toStdString();
    for (int i = 0; i < rowCount(); ++i)
        if (row(i)->name == name) return i;
    return -1;
}

int LayerTableModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_order.size());
}

int LayerTableModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(std::size(kColumns));
}

QVariant LayerTableModel::data(const QModelIndex& index, int role) const {
    const LayerRow* shown = index.isValid() ? row(index.row()) : nullptr;
    if (!shown || index.column() >= columnCount()) return {};
    const LayerColumn column = kColumns[index.column()];
    if (role == Qt::DisplayRole) return cellText(*shown, column);
    if (role == AboveRole) return isAbove(*shown);
    if (role == Qt::TextAlignmentRole)
        return static_cast<int>((index.column() == 0 ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
    if (role == Qt::ToolTipRole && index.column() == 0) return QString::fromStdString(shown->scheme);
    return {};
}

QVariant LayerTableModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section < 0 || section >= columnCount()) return {};
    if (role == Qt::TextAlignmentRole)
        return static_cast<int>((section == 0 ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
    const LayerColumnInfo* info = infoOf(kColumns[section]);
    if (!info) return {};
    if (role == Qt::DisplayRole) return QString::fromStdString(info->label);
    if (role == Qt::ToolTipRole) return QString::fromStdString(info->help);
    return {};
}

}  // namespace quantscope
