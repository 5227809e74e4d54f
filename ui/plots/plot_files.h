// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QPixmap>
#include <QSize>
#include <QString>
#include <functional>

#include "plots/plot_table.h"

class QMenu;
class QPaintDevice;
class QWidget;

namespace quantscope {

/// What leaves the window of anything that is drawn: PNG, SVG, PDF, CSV, and the clipboard. Files are written
/// whole or not at all.
struct PlotExport {
    QString name;  ///< offered as file name: "histogram-C"
    QSize size;    ///< in pixels
    std::function<void(QPaintDevice&)> paintOn;
    std::function<PlotTable()> table;
};

/// The picture at `scale` pixels a pixel.
QPixmap pictureOf(const PlotExport& plot, double scale);
/// The suffix (png, svg, pdf, csv) chooses the form. False with the reason.
bool savePlot(const PlotExport& plot, const QString& path, QString* reason = nullptr);
/// Tab-separated, with a header.
QString clipboardText(const PlotTable& table);
/// Adds "Copy picture", "Copy data" and "Save as"; `owner` is the dialogs' parent.
void addExportActions(QMenu& menu, QWidget* owner, const std::function<PlotExport()>& plot);

}  // namespace quantscope
