// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/plot_table.h"

#include <QLocale>

namespace quantscope {

namespace {

QString quoted(const QString& cell) {
    if (!cell.contains(QLatin1Char(',')) && !cell.contains(QLatin1Char('"')) &&
        !cell.contains(QLatin1Char('\n')))
        return cell;
    QString escaped = cell;
    escaped.replace(QLatin1Char('"'), QStringLiteral("\"\""));
    return QLatin1Char('"') + escaped + QLatin1Char('"');
}

void appendLine(QByteArray& csv, const QStringList& cells) {
    for (qsizetype i = 0; i < cells.size(); ++i) {
        if (i > 0) csv += ',';
        csv += quoted(cells[i]).toUtf8();
    }
    csv += '\n';
}

}  // namespace

QString exactNumber(double value) {
    return QString::number(value, 'g', QLocale::FloatingPointShortest);
}

QByteArray csvOf(const PlotTable& table) {
    QByteArray csv;
    appendLine(csv, table.header);
    for (const QStringList& row : table.rows) appendLine(csv, row);
    return csv;
}

}  // namespace quantscope
