// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QString>
#include <QStringList>
#include <QVector>

namespace quantscope {

/// The numbers behind a plot, for CSV and the clipboard. Cells are text, so that integers stay integers.
struct PlotTable {
    QStringList header;
    QVector<QStringList> rows;
};

/// Shortest text that reads back to the same double.
QString exactNumber(double value);

/// RFC 4180 with '\n' line ends; cells with comma, quote or newline are quoted.
QByteArray csvOf(const PlotTable& table);

}  // namespace quantscope
