// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringList>
#include <optional>
#include <vector>

#include "io/checkpoint.h"

namespace quantscope {

/// What the filter field says. Words are joined by "and": a dtype's name ("Q4_1") keeps tensors of that type,
/// ">1M" and
/// "<64k" compare the number of elements (k, M, G are powers of ten), "outliers" keeps tensors with outlier
/// channels, any other word must occur in the name (upper and lower case alike).
struct SourceFilter {
    QStringList words;
    std::vector<DType> dtypes;
    std::optional<int64_t> moreThan;
    std::optional<int64_t> lessThan;
    bool outliersOnly = false;

    bool operator==(const SourceFilter&) const = default;
    [[nodiscard]] bool isEmpty() const { return *this == SourceFilter{}; }
    [[nodiscard]] bool accepts(const TensorEntry& entry, bool hasOutliers) const;
    /// For rows without a dtype and size: only words and the outlier badge count.
    [[nodiscard]] bool acceptsName(const QString& name, bool hasOutliers) const;
};

SourceFilter parseSourceFilter(const QString& text);

}  // namespace quantscope
