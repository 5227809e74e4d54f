// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/plot_files.h"

#include <QBuffer>
#include <QClipboard>
#include <QFileDialog>
#include <QFileInfo>
#include <QGuiApplication>
#include <QMenu>
#include <QMessageBox>
#include <QPdfWriter>
#include <QSaveFile>
#include <QSvgGenerator>

namespace quantscope {

namespace {

bool writeFile(const QString& path, const QByteArray& bytes, QString* reason) {
    QSaveFile file(path);
    const bool good = file.open(QIODevice::WriteOnly) && file.write(bytes) == bytes.size() && file.commit();
    if (!good && reason) *reason = file.errorString();
    return good;
}

QString tr(const char* text) {
    return QObject::tr(text);
}

QByteArray pngOf(const PlotExport& plot) {
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    pictureOf(plot, 2).save(&buffer, "PNG");
    return bytes;
}

QByteArray svgOf(const PlotExport& plot) {
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    QSvgGenerator generator;
    generator.setOutputDevice(&buffer);
    generator.setSize(plot.size);
    generator.setViewBox(QRect(QPoint(0, 0), plot.size));
    generator.setTitle(plot.name);
    plot.paintOn(generator);
    return bytes;
}

/// A page of the plot's size, a point a pixel.
QByteArray pdfOf(const PlotExport& plot) {
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    QPdfWriter writer(&buffer);
    writer.setTitle(plot.name);
    writer.setCreator(QStringLiteral("Quantscope"));
    writer.setResolution(72);
    writer.setPageSize(QPageSize(QSizeF(plot.size), QPageSize::Point));
    writer.setPageMargins(QMarginsF());
    plot.paintOn(writer);
    return bytes;
}

void saveAs(const PlotExport& plot, QWidget* owner, const QString& suffix) {
    QString path = QFileDialog::getSaveFileName(owner, tr("Save plot"), plot.name + QLatin1Char('.') + suffix,
                                                tr("%1 file (*.%2)").arg(suffix.toUpper(), suffix));
    if (path.isEmpty()) return;
    if (QFileInfo(path).suffix().isEmpty()) path += QLatin1Char('.') + suffix;
    QString reason;
    if (!savePlot(plot, path, &reason))
        QMessageBox::warning(owner, tr("Save plot"), tr("%1 was not written: %2").arg(path, reason));
}

}  // namespace

QPixmap pictureOf(const PlotExport& plot, double scale) {
    QPixmap pixmap((QSizeF(plot.size) * scale).toSize());
    pixmap.setDevicePixelRatio(scale);
    pixmap.fill(Qt::transparent);
    plot.paintOn(pixmap);
    return pixmap;
}

bool savePlot(const PlotExport& plot, const QString& path, QString* reason) {
    const QString suffix = QFileInfo(path).suffix().toLower();
    if (suffix == QLatin1String("csv")) return writeFile(path, csvOf(plot.table()), reason);
    if (suffix == QLatin1String("svg")) return writeFile(path, svgOf(plot), reason);
    if (suffix == QLatin1String("png")) return writeFile(path, pngOf(plot), reason);
    if (suffix == QLatin1String("pdf")) return writeFile(path, pdfOf(plot), reason);
    if (reason) *reason = tr("Unknown form \"%1\": choose png, svg, pdf or csv.").arg(suffix);
    return false;
}

QString clipboardText(const PlotTable& table) {
    QString text = table.header.join(QLatin1Char('\t')) + QLatin1Char('\n');
    for (const QStringList& row : table.rows) text += row.join(QLatin1Char('\t')) + QLatin1Char('\n');
    return text;
}

void addExportActions(QMenu& menu, QWidget* owner, const std::function<PlotExport()>& plot) {
    menu.addAction(tr("Copy picture"), owner,
                   [plot] { QGuiApplication::clipboard()->setPixmap(pictureOf(plot(), 2)); });
    menu.addAction(tr("Copy data"), owner,
                   [plot] { QGuiApplication::clipboard()->setText(clipboardText(plot().table())); });
    QMenu* save = menu.addMenu(tr("Save as"));
    for (const char* suffix : {"png", "svg", "pdf", "csv"}) {
        const QString name = QString::fromLatin1(suffix);
        save->addAction(name.toUpper(), owner, [plot, owner, name] { saveAs(plot(), owner, name); });
    }
}

}  // namespace quantscope
