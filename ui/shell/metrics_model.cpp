// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/metrics_model.h"

#include <QLocale>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <span>

#include "theme/theme.h"

namespace quantscope {
namespace {

struct Column {
    const char* label;
    const char* formula;
    int givesWay = 0;  ///< see MetricsModel::GivesWayRole
};

// r: original element, r^: dequantized element, n: their number.
constexpr std::array<Column, 9> kTensorColumns = {{
    {"Variant", ""},
    {"bits / weight", "(codes + scales + zero points + codebooks + padding), in bits / n"},
    {"SQNR dB", "10 log10( sum r^2 / sum (r - r^)^2 ), one ratio over all elements"},
    {"MSE", "sum (r - r^)^2 / n = clipping + rounding"},
    {"max |error|", "max |r - r^|", 3},
    {"cosine", "sum r r^ / sqrt( sum r^2 · sum r^^2 )", 1},
    {"rel. error", "||R - R^||_F / ||R||_F", 2},
    {"output error",
     "||X (W - W^)^T||_F / ||X W^T||_F, expected under the captured second moments of the inputs X; "
     "– when the inputs of this tensor were not captured"},
    {"clipped", "elements outside [r^(lowest code), r^(highest code)] / n"},
}};

constexpr std::array<Column, 8> kModelColumns = {{
    {"Variant", ""},
    {"bits / weight", "of the quantized linear layers, scales and zero points included"},
    {"size", "of the whole model's weights under this variant", 2},
    {"perplexity", "exp( mean of -log p(token) ) ± its standard error"},
    {"Δ nat ± se",
     "mean over tokens of nll - nll of the first variant, paired token by token ± standard error"},
    {"KL mean", "mean over tokens of sum p log(p / q), p: first variant, q: this one; in nats"},
    {"top-1 same", "share of tokens whose most likely next token is the first variant's"},
    {"tokens / s", "scored tokens / seconds spent in this variant", 1},
}};

constexpr std::array<Column, 8> kMatmulColumns = {{
    {"Variant", ""},
    {"bits X · W", "of the codes; 32 is float"},
    {"rel. error", "||Y^ - Y||_F / ||Y||_F over the whole product"},
    {"max |error|", "max |y^ - y|"},
    {"as int8",
     "||Y^ - Y||_F / ||Y||_F after integer requantization to 8 bits; – where the result has no single "
     "factor a channel"},
    {"lifted out", "inputs multiplied in float because of outliers"},
    {"largest sum", "max |sum of a b| in an accumulator"},
    {"beyond int16", "accumulators that 16 bits cannot hold"},
}};

std::span<const Column> columnsOf(LabKind lab) {
    if (lab == LabKind::Matmul) return kMatmulColumns;
    if (lab == LabKind::Tensor) return kTensorColumns;
    return kModelColumns;
}

QString missing() {
    return QStringLiteral("–");
}

QString fixed(double value, int decimals) {
    if (std::isnan(value)) return missing();
    if (std::isinf(value)) return value > 0 ? QStringLiteral("∞") : QStringLiteral("-∞");
    return QString::number(value, 'f', decimals);
}

QString scientific(double value) {
    if (value == 0) return QStringLiteral("0");
    if (!std::isfinite(value)) return fixed(value, 0);
    return QString::number(value, 'e', 2);
}

/// Four significant digits, without an exponent while that stays readable.
QString plain(double value) {
    if (value == 0) return QStringLiteral("0");
    if (!std::isfinite(value)) return fixed(value, 0);
    const double size = std::abs(value);
    if (size < 1e-4 || size >= 1e6) return scientific(value);
    return fixed(value, std::max(0, 3 - static_cast<int>(std::floor(std::log10(size)))));
}

QString percent(double share, int decimals) {
    if (std::isnan(share)) return missing();
    return share == 0 ? QStringLiteral("0 %") : fixed(100 * share, decimals) + QStringLiteral(" %");
}

QString quoted(QString text, QChar separator) {
    if (!text.contains(separator) && !text.contains(QLatin1Char('"'))) return text;
    return QLatin1Char('"') + text.replace(QLatin1String("\""), QLatin1String("\"\"")) + QLatin1Char('"');
}

}  // namespace

MetricsModel::MetricsModel(QObject* parent) : QAbstractTableModel(parent) {}

void MetricsModel::setLab(LabKind lab) {
    if (lab == m_lab) return;
    beginResetModel();
    m_lab = lab;
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

void MetricsModel::setTensorResults(const std::shared_ptr<const TensorResults>& results) {
    m_tensor = results;
    if (m_lab == LabKind::Tensor) changed();
}

void MetricsModel::setModelResults(const std::shared_ptr<const ModelResults>& results) {
    m_model = results;
    if (m_lab == LabKind::Model) changed();
}

void MetricsModel::setMatmulResults(const std::shared_ptr<const MatmulResults>& results) {
    m_matmul = results;
    if (m_lab == LabKind::Matmul) changed();
}

void MetricsModel::changed() {
    if (rowCount() > 0) Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, columnCount() - 1));
}

int MetricsModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_variants.size());
}

int MetricsModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(columnsOf(m_lab).size());
}

QString MetricsModel::tensorCell(size_t row, int column) const {
    if (!m_tensor || row >= m_tensor->variants.size()) return missing();
    const TensorVariantResult& variant = m_tensor->variants[row];
    if (!variant.report) return missing();
    const Metrics& metrics = variant.report->metrics;
    const QString about = m_tensor->tier == Tier::Preview ? QStringLiteral("~") : QString();
    switch (column) {
        case 1:
            return fixed(metrics.bitsPerWeight, 2);
        case 2:
            return about + fixed(metrics.sqnrDb, 2);
        case 3:
            return about + scientific(metrics.mse);
        case 4:
            return about + plain(metrics.maxAbs);
        case 5:
            return about + (metrics.cosine == 1 ? QStringLiteral("1") : fixed(metrics.cosine, 6));
        case 6:
            return about + percent(metrics.relativeFrobenius, 3);
        case 7:
            return about + percent(variant.outputError, 3);
        case 8:
            return about + percent(metrics.clippedShare, 3);
        default:
            return {};
    }
}

QString MetricsModel::modelCell(size_t row, int column) const {
    if (!m_model) return missing();
    if (column == 2) {
        if (row >= m_model->sizes.size()) return missing();
        const double mebibytes = static_cast<double>(m_model->sizes[row].bytes) / (1024.0 * 1024.0);
        return fixed(mebibytes, mebibytes < 100 ? 1 : 0) + QStringLiteral(" MiB");
    }
    if (row >= m_model->evaluation.variants.size()) return missing();
    const VariantScore& score = m_model->evaluation.variants[row];
    if (score.tokens == 0 && column > 1) return missing();
    const bool reference = row == 0;
    switch (column) {
        case 1:
            return fixed(score.bitsPerWeight, 2);
        case 3:
            return QStringLiteral("%1 ± %2").arg(plain(score.perplexity),
                                                 QString::number(score.perplexitySe, 'g', 2));
        case 4:
            if (reference) return QStringLiteral("0");
            return QStringLiteral("%1%2 ± %3")
                .arg(score.deltaNll < 0 ? QString() : QStringLiteral("+"), fixed(score.deltaNll, 4),
                     fixed(score.deltaNllSe, 4));
        case 5:
            return reference ? QStringLiteral("0") : plain(score.klMean);
        case 6:
            return reference ? QStringLiteral("100 %") : percent(score.top1Agreement, 1);
        case 7:
            return score.seconds > 0 ? fixed(static_cast<double>(score.tokens) / score.seconds, 0)
                                     : missing();
        default:
            return {};
    }
}

QString MetricsModel::matmulCell(size_t row, int column) const {
    if (!m_matmul || row >= m_matmul->variants.size()) return missing();
    const ProductVariantResult& variant = m_matmul->variants[row];
    if (!variant.product) return missing();
    const QuantizedProduct& product = *variant.product;
    const AccumulatorHistogram& sums = product.accumulators;
    switch (column) {
        case 1:
            return QStringLiteral("%1 · %2")
                .arg(product.x.quantization.scheme.bits)
                .arg(product.w.quantization.scheme.bits);
        case 2:
            return percent(product.error.relative, 3);
        case 3:
            return plain(product.error.maxAbs);
        case 4:
            return variant.requantized ? percent(variant.requantized->relativeError, 3) : missing();
        case 5:
            return product.isInteger ? QString::number(product.liftedOut.size()) : missing();
        case 6:
            return product.isInteger
                       ? QString::number(std::max(std::abs(int64_t{sums.smallest}), int64_t{sums.largest}))
                       : missing();
        case 7:
            return product.isInteger
                       ? percent(static_cast<double>(sums.beyond(16)) / static_cast<double>(sums.count), 2)
                       : missing();
        default:
            return {};
    }
}

QString MetricsModel::cell(int row, int column) const {
    const auto at = static_cast<size_t>(row);
    if (column == 0)
        return variantLetter(row) + QLatin1Char(' ') + QString::fromStdString(variantTitle(m_variants[at]));
    if (m_lab == LabKind::Matmul) return matmulCell(at, column);
    return m_lab == LabKind::Tensor ? tensorCell(at, column) : modelCell(at, column);
}

QVariant MetricsModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) return {};
    if (role == Qt::DisplayRole) return cell(index.row(), index.column());
    if (role == Qt::TextAlignmentRole && index.column() > 0) {
        return static_cast<int>(Qt::AlignRight | Qt::AlignVCenter);
    }
    if (role == Qt::ToolTipRole) {
        const auto row = static_cast<size_t>(index.row());
        if (m_lab == LabKind::Tensor && m_tensor && row < m_tensor->variants.size() &&
            m_tensor->variants[row].error) {
            return QString::fromStdString(describe(*m_tensor->variants[row].error));
        }
        if (m_lab == LabKind::Matmul && m_matmul && row < m_matmul->variants.size() &&
            m_matmul->variants[row].error) {
            return QString::fromStdString(describe(*m_matmul->variants[row].error));
        }
        if (m_lab == LabKind::Model && m_model && row < m_model->evaluation.variants.size() &&
            m_model->evaluation.variants[row].error) {
            return QString::fromStdString(describe(*m_model->evaluation.variants[row].error));
        }
        return index.column() == 0 ? QVariant(QString::fromStdString(variantText(m_variants[row])))
                                   : headerData(index.column(), Qt::Horizontal, Qt::ToolTipRole);
    }
    return {};
}

QVariant MetricsModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section < 0 || section >= columnCount()) return {};
    const Column& column = columnsOf(m_lab)[static_cast<size_t>(section)];
    if (role == Qt::DisplayRole) return QString::fromUtf8(column.label);
    if (role == Qt::ToolTipRole) return QString::fromUtf8(column.formula);
    if (role == GivesWayRole) return column.givesWay;
    if (role == Qt::TextAlignmentRole) {
        return static_cast<int>((section == 0 ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
    }
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
