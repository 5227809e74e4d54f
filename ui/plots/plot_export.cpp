// SPDX-License-Identifier: GPL-3.0-or-later
// What leaves a plot: pictures, tables, the explanation.
#include <qcustomplot.h>

#include <QClipboard>
#include <QGuiApplication>
#include <QMenu>
#include <QMessageBox>

#include "plots/plot_files.h"
#include "plots/plot_view.h"

namespace quantscope {

PlotExport PlotView::exported() {
    PlotExport plot;
    plot.name = m_exportName;
    plot.size = m_plot->size();
    plot.paintOn = [this](QPaintDevice& device) {
        QCPPainter painter;
        if (!painter.begin(&device)) return;
        painter.setMode(QCPPainter::pmNoCaching);
        painter.setMode(QCPPainter::pmVectorized, device.devType() != QInternal::Pixmap);
        m_plot->toPainter(&painter, m_plot->width(), m_plot->height());
    };
    plot.table = [this] { return table(); };
    return plot;
}

QPixmap PlotView::picture(double scale) {
    return pictureOf(exported(), scale);
}

bool PlotView::saveTo(const QString& path, QString* reason) {
    return savePlot(exported(), path, reason);
}

void PlotView::copyPicture() {
    QGuiApplication::clipboard()->setPixmap(picture(2));
}

void PlotView::copyTable() {
    QGuiApplication::clipboard()->setText(clipboardText(table()));
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
    addExportActions(menu, this, [this] { return exported(); });
    menu.addSeparator();
    QAction* reset = menu.addAction(tr("Reset zoom"), this, &PlotView::resetZoom);
    reset->setEnabled(m_zoomed);
    menu.addAction(tr("What am I looking at"), this, &PlotView::explain)
        ->setEnabled(!m_explanation.isEmpty());
    menu.exec(globalPosition);
}

}  // namespace quantscope
