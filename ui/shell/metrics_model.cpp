// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/metrics_model.h"

#include "theme/theme.h"

namespace quantscope {
namespace {

QString quoted(QString text, QChar separator) {
    if (!text.contains(separator) && !text.contains(QLatin1Char('"'))) return text;
    return QLatin1Char('"') + text.replace(QLatin1String("\""), QLatin1String("\"\"")) + QLatin1Char('"');
}

}  // namespace

MetricsModel::MetricsModel(QObject* parent) : QAbstractTableModel(parent) {}

void MetricsModel::setMetrics(const std::vector<MetricInfo>& metrics) {
    beginResetModel();
    m_metrics = metrics;
    endResetModel();
}

void MetricsModel::setVariants(const std::vector<Variant>& variants) {
    if (variants.size() == m_variants.size()) {
        m_variants = variants;
        return changed();
    }
    beginResetModel();
    m_variants = variants;
    endResetModel();
}

void MetricsModel::setResults(const std::shared_ptr<const LabResults>& results) {
    m_results = results;
    changed();
}

void MetricsModel::changed() {
    if (rowCount() > 0) Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, columnCount() - 1));
}

int MetricsModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_variants.size());
}

int MetricsModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_metrics.size()) + 1;
}

const VariantRow* MetricsModel::known(int row) const {
    const auto at = static_cast<size_t>(row);
    return m_results && at < m_results->rows.size() ? &m_results->rows[at] : nullptr;
}

QString MetricsModel::cell(int row, int column) const {
    if (column == 0) {
        const Variant& variant = m_variants[static_cast<size_t>(row)];
        return variantLetter(row) + QLatin1Char(' ') + QString::fromStdString(variantTitle(variant));
    }
    const MetricInfo& metric = m_metrics[static_cast<size_t>(column - 1)];
    const VariantRow* values = known(row);
    return QString::fromStdString(values ? metricText(metric, values->values, m_results->approximate)
                                         : metricText(metric, {}));
}

QVariant MetricsModel::tip(int row, int column) const {
    const VariantRow* values = known(row);
    if (values && values->error) return QString::fromStdString(describe(*values->error));
    if (column > 0) return headerData(column, Qt::Horizontal, Qt::ToolTipRole);
    return QString::fromStdString(variantText(m_variants[static_cast<size_t>(row)]));
}

QVariant MetricsModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) return {};
    if (role == Qt::DisplayRole) return cell(index.row(), index.column());
    if (role == Qt::TextAlignmentRole && index.column() > 0)
        return static_cast<int>(Qt::AlignRight | Qt::AlignVCenter);
    if (role == Qt::ToolTipRole) return tip(index.row(), index.column());
    return {};
}

QVariant MetricsModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section < 0 || section >= columnCount()) return {};
    if (role == Qt::TextAlignmentRole)
        return static_cast<int>((section == 0 ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
    if (section == 0) return role == Qt::DisplayRole ? QVariant(tr("Variant")) : QVariant();
    const MetricInfo& metric = m_metrics[static_cast<size_t>(section - 1)];
    if (role == Qt::DisplayRole) return QString::fromStdString(metric.label);
    if (role == Qt::ToolTipRole) return QString::fromStdString(metric.formula);
    if (role == GivesWayRole) return metric.givesWay;
    return {};
}

QString MetricsModel::asText(QChar separator) const {
    QString text;
    for (int row = -1; row < rowCount(); ++row) {
        QStringList cells;
        for (int column = 0; column < columnCount(); ++column) {
            const QString value =
                row < 0 ? headerData(column, Qt::Horizontal, Qt::DisplayRole).toString() : cell(row, column);
            cells.push_back(quoted(value, separator));
        }
        text += cells.join(separator) + QLatin1Char('\n');
    }
    return text;
}

}  // namespace quantscope
