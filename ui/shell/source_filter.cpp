// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/source_filter.h"

#include <algorithm>
#include <cmath>

namespace quantscope {
namespace {

/// "1M" -> 1000000; nullopt when it is not a number with an optional k, M or G.
std::optional<int64_t> countOf(QString text) {
    double unit = 1;
    if (text.endsWith(QLatin1Char('k'), Qt::CaseInsensitive)) unit = 1e3;
    if (text.endsWith(QLatin1Char('m'), Qt::CaseInsensitive)) unit = 1e6;
    if (text.endsWith(QLatin1Char('g'), Qt::CaseInsensitive)) unit = 1e9;
    if (unit > 1) text.chop(1);
    bool isNumber = false;
    const double value = text.toDouble(&isNumber) * unit;
    if (!isNumber || !std::isfinite(value) || value < 0 || value > 1e18) return std::nullopt;
    return static_cast<int64_t>(value);
}

std::optional<DType> dtypeOf(const QString& word) {
    const auto dtypes = allDTypes();
    const auto found = std::find_if(dtypes.begin(), dtypes.end(), [&](const DTypeInfo& info) {
        return word.compare(QLatin1String(info.name.data(), static_cast<qsizetype>(info.name.size())),
                            Qt::CaseInsensitive) == 0;
    });
    if (found == dtypes.end()) return std::nullopt;
    return found->dtype;
}

}  // namespace

bool SourceFilter::acceptsName(const QString& name, bool hasOutliers) const {
    if (outliersOnly && !hasOutliers) return false;
    return std::all_of(words.begin(), words.end(),
                       [&](const QString& word) { return name.contains(word, Qt::CaseInsensitive); });
}

bool SourceFilter::accepts(const TensorEntry& entry, bool hasOutliers) const {
    if (!dtypes.empty() && std::find(dtypes.begin(), dtypes.end(), entry.dtype) == dtypes.end()) return false;
    if (moreThan && elementCount(entry.shape) <= *moreThan) return false;
    if (lessThan && elementCount(entry.shape) >= *lessThan) return false;
    return acceptsName(QString::fromStdString(entry.name), hasOutliers);
}

SourceFilter parseSourceFilter(const QString& text) {
    SourceFilter filter;
    const QStringList parts = text.split(QLatin1Char(' '), Qt::SkipEmptyParts);
    for (const QString& part : parts) {
        const bool compares = part.size() > 1 && (part[0] == QLatin1Char('>') || part[0] == QLatin1Char('<'));
        const auto count = compares ? countOf(part.mid(1)) : std::nullopt;
        if (count) {
            (part[0] == QLatin1Char('>') ? filter.moreThan : filter.lessThan) = count;
        } else if (const auto dtype = dtypeOf(part)) {
            filter.dtypes.push_back(*dtype);
        } else if (part.compare(QLatin1String("outliers"), Qt::CaseInsensitive) == 0) {
            filter.outliersOnly = true;
        } else if (part != QLatin1String(">") && part != QLatin1String("<")) {
            filter.words.push_back(part);
        }
    }
    return filter;
}

}  // namespace quantscope
