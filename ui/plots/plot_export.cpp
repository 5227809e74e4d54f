// SPDX-License-Identifier: GPL-3.0-or-later
// What leaves a plot: pictures, tables, the explanation.
#include <qcustomplot.h>

#include <QClipboard>
#include <QFileDialog>
#include <QFileInfo>
#include <QGuiApplication>
#include <QMenu>
#include <QMessageBox>
#include <QSaveFile>
#include <QSvgGenerator>

#include "plots/plot_view.h"

namespace quantscope {

namespace {

bool writeFile(const QString& path, const QByteArray& bytes, QString* reason) {
    QSaveFile file(path);
    const bool good = file.open(QIODevice::WriteOnly) && file.write(bytes) == bytes.size() && file.commit();
    if (!good && reason) *reason = file.errorString();
    return good;
}

QByteArray svgOf(QCustomPlot* plot, const QString& title) {
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    QSvgGenerator generator;
    generator.setOutputDevice(&buffer);
    generator.setSize(plot->size());
    generator.setViewBox(QRect(QPoint(0, 0), plot->size()));
    generator.setTitle(title);
    QCPPainter painter;
    if (!painter.begin(&generator)) return {};
    painter.setMode(QCPPainter::pmVectorized);
    painter.setMode(QCPPainter::pmNoCaching);
    plot->toPainter(&painter, plot->width(), plot->height());
    painter.end();
    return bytes;
}

}  // namespace

QPixmap PlotView::picture(double scale) {
    return m_plot->toPixmap(m_plot->width(), m_plot->height(), scale);
}

bool PlotView::saveTo(const QString& path, QString* reason) {
    const QString suffix = QFileInfo(path).suffix().toLower();
    if (suffix == QLatin1String("csv")) return writeFile(path, csvOf(table()), reason);
    if (suffix == QLatin1String("svg")) return writeFile(path, svgOf(m_plot, m_exportName), reason);
    if (suffix == QLatin1String("png")) {
        QByteArray bytes;
        QBuffer buffer(&bytes);
        buffer.open(QIODevice::WriteOnly);
        picture(2).save(&buffer, "PNG");
        return writeFile(path, bytes, reason);
    }
    if (suffix == QLatin1String("pdf")) {
        // QPrinter writes in place: write beside the file first, so that a full disk leaves the old one
        // intact.
        const QString part = path + QStringLiteral(".part");
        const bool good = m_plot->savePdf(part, m_plot->width(), m_plot->height(), QCP::epAllowCosmetic,
                                          QStringLiteral("Quantscope"), m_exportName) &&
                          QFileInfo(part).size() > 0;
        QFile file(part);
        const bool readable = good && file.open(QIODevice::ReadOnly);
        const bool written = readable && writeFile(path, file.readAll(), reason);
        file.remove();
        if (!written && reason && reason->isEmpty())
            *reason = tr("The PDF could not be written to %1.").arg(path);
        return written;
    }
    if (reason) *reason = tr("Unknown form \"%1\": choose png, svg, pdf or csv.").arg(suffix);
    return false;
}

void PlotView::copyPicture() {
    QGuiApplication::clipboard()->setPixmap(picture(2));
}

void PlotView::copyTable() {
    const PlotTable numbers = table();
    QString text = numbers.header.join(QLatin1Char('\t')) + QLatin1Char('\n');
    for (const QStringList& row : numbers.rows) text += row.join(QLatin1Char('\t')) + QLatin1Char('\n');
    QGuiApplication::clipboard()->setText(text);
}

void PlotView::saveAs(const QString& suffix) {
    const QString path =
        QFileDialog::getSaveFileName(this, tr("Save plot"), m_exportName + QLatin1Char('.') + suffix,
                                     tr("%1 file (*.%2)").arg(suffix.toUpper(), suffix));
    if (path.isEmpty()) return;
    QString reason;
    if (!saveTo(QFileInfo(path).suffix().isEmpty() ? path + QLatin1Char('.') + suffix : path, &reason))
        QMessageBox::warning(this, tr("Save plot"), tr("%1 was not written: %2").arg(path, reason));
}

void PlotView::explain() {
    const QString keys =
        tr("<p>Wheel or drag: zoom. Shift + drag or middle button: %1. Double click or Home: reset. "
           "Right click: copy and save.</p>")
            .arg(m_dragPans ? tr("zoom rectangle, drag pans") : tr("pan"));
    QMessageBox box(QMessageBox::NoIcon, tr("What am I looking at"), m_explanation + keys, QMessageBox::Close,
                    this);
    box.setTextFormat(Qt::RichText);
    box.exec();
}

void PlotView::buildMenu(const QPoint& globalPosition) {
    m_drag.reset();
    QMenu menu(this);
    extendMenu(menu);
    if (!menu.isEmpty()) menu.addSeparator();
    menu.addAction(tr("Copy picture"), this, &PlotView::copyPicture);
    menu.addAction(tr("Copy data"), this, &PlotView::copyTable);
    QMenu* save = menu.addMenu(tr("Save as"));
    for (const char* suffix : {"png", "svg", "pdf", "csv"}) {
        const QString name = QString::fromLatin1(suffix);
        save->addAction(name.toUpper(), this, [this, name] { saveAs(name); });
    }
    menu.addSeparator();
    QAction* reset = menu.addAction(tr("Reset zoom"), this, &PlotView::resetZoom);
    reset->setEnabled(m_zoomed);
    menu.addAction(tr("What am I looking at"), this, &PlotView::explain)
        ->setEnabled(!m_explanation.isEmpty());
    menu.exec(globalPosition);
}

}  // namespace quantscope
