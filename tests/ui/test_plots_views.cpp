// SPDX-License-Identifier: GPL-3.0-or-later
#include <QBuffer>
#include <QDir>
#include <QImageReader>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QXmlStreamReader>

#include "plot_samples.h"
#include "plots/label_placement.h"
#include "plots/number_format.h"
#include "theme/theme_controller.h"

using namespace quantscope;

namespace {

/// Shows a view offscreen and waits until it is painted.
void present(QWidget& view) {
    view.resize(480, 260);
    view.show();
    for (int i = 0; i < 5; ++i) QCoreApplication::processEvents(QEventLoop::AllEvents, 10);
}

int pixelsOf(const QImage& image, const QColor& color) {
    int count = 0;
    for (int y = 0; y < image.height(); ++y)
        for (int x = 0; x < image.width(); ++x) count += image.pixel(x, y) == color.rgb() ? 1 : 0;
    return count;
}

QWidget* canvas(QWidget& view) {
    return view.findChild<QWidget*>(QString(), Qt::FindDirectChildrenOnly);
}

void moveTo(QWidget& view, const QPointF& position, Qt::MouseButtons buttons) {
    QMouseEvent event(QEvent::MouseMove, position, canvas(view)->mapToGlobal(position), Qt::NoButton, buttons,
                      {});
    QCoreApplication::sendEvent(canvas(view), &event);
}

void drag(QWidget& view, const QPointF& from, const QPointF& to) {
    QTest::mousePress(canvas(view), Qt::LeftButton, {}, from.toPoint());
    moveTo(view, (from + to) / 2, Qt::LeftButton);
    moveTo(view, to, Qt::LeftButton);
    QTest::mouseRelease(canvas(view), Qt::LeftButton, {}, to.toPoint());
}

}  // namespace

class TestPlotsViews : public QObject {
    Q_OBJECT
 private Q_SLOTS:
    void numbers_data() {
        QTest::addColumn<double>("value");
        QTest::addColumn<QString>("text");
        QTest::newRow("zero") << 0.0 << "0";
        QTest::newRow("small") << 3.26e-6 << "3.26e-6";
        QTest::newRow("power") << 1e-4 << "1e-4";
        QTest::newRow("plain") << 0.25 << "0.25";
        QTest::newRow("thousands") << 12345.0 << "12,345";
        QTest::newRow("four digits") << 2377.0 << "2377";
        QTest::newRow("negative") << -0.5 << "-0.5";
    }
    void numbers() {
        QFETCH(double, value);
        QFETCH(QString, text);
        QCOMPARE(formatNumber(value), text);
    }

    void barsShowTheVariantsColour() {
        ThemeController themes;
        HistogramView view(&themes);
        view.setSeries(samples::histogram(2, 16));
        present(view);
        const QImage full = view.picture().toImage();
        QVERIFY(pixelsOf(full, themes.theme().variantColor(2)) > 300);
        QVERIFY(pixelsOf(full, themes.theme().reference) > 1000);
        auto preview = samples::histogram(2, 16);
        preview.sample = QStringLiteral("1/64 sample");
        view.setSeries(preview);
        QCOMPARE(pixelsOf(view.picture().toImage(), themes.theme().variantColor(2)) > 300, false);
    }

    void themeChangesAtRunTime() {
        ThemeController themes;
        HistogramView view(&themes);
        view.setSeries(samples::histogram(1, 16));
        present(view);
        const QColor light = themes.theme().card;
        QCOMPARE(view.picture().toImage().pixelColor(1, 1).rgb(), light.rgb());
        themes.setDark(true);
        QVERIFY(light != themes.theme().card);
        QCOMPARE(view.picture().toImage().pixelColor(1, 1).rgb(), themes.theme().card.rgb());
    }

    void linkedPlotsZoomAndPointTogether() {
        ThemeController themes;
        LinkGroup link;
        HistogramView a(&themes);
        HistogramView b(&themes);
        for (HistogramView* view : {&a, &b}) {
            view->setSeries(samples::histogram(1, 16));
            view->setLinkGroup(&link);
            present(*view);
        }
        const QRect area = a.plotArea();
        drag(a, QPointF(area.left() + area.width() * 0.3, area.center().y()),
             QPointF(area.left() + area.width() * 0.4, area.center().y()));
        QVERIFY(a.isZoomed());
        QVERIFY(a.xRange().size() < 0.2);
        QCOMPARE(b.xRange(), a.xRange());
        moveTo(a, area.center(), {});
        QVERIFY(b.crosshairX().has_value());
        QCOMPARE(*b.crosshairX(), *a.crosshairX());
        QTest::mouseDClick(canvas(b), Qt::LeftButton, {}, area.center());
        QVERIFY(!a.isZoomed());
        QCOMPARE(a.xRange(), (AxisRange{-0.62, 0.6}));
    }

    void clipLimitIsDraggedLive() {
        ThemeController themes;
        HistogramView view(&themes);
        view.setSeries(samples::histogram(1, 16));
        present(view);
        QSignalSpy moved(&view, &HistogramView::clipDragged);
        QSignalSpy finished(&view, &HistogramView::clipDragFinished);
        const double y = view.plotArea().center().y();
        drag(view, QPointF(view.positionOf(0.5, 0).x(), y), QPointF(view.positionOf(0.25, 0).x(), y));
        QCOMPARE(moved.count(), 2);
        QCOMPARE(finished.count(), 1);
        QCOMPARE(moved.last().at(0).toDouble(), -0.5);
        QVERIFY(std::abs(moved.last().at(1).toDouble() - 0.25) < 0.01);
        QVERIFY(!view.isZoomed());
    }

    void outlierChannelIsBrushed() {
        ThemeController themes;
        ChannelView view(&themes);
        view.setSeries(samples::channels());
        present(view);
        QSignalSpy brushed(&view, &ChannelView::channelBrushed);
        const QPointF at(view.positionOf(678.5, 1).x(), view.plotArea().center().y());
        QTest::mouseClick(canvas(view), Qt::LeftButton, {}, at.toPoint());
        QCOMPARE(brushed.count(), 1);
        QCOMPARE(brushed.last().at(0).toLongLong(), 678);
        QVERIFY(pixelsOf(view.picture().toImage(), themes.theme().clipping) > 50);
    }

    void labelsDoNotCollide() {
        std::vector<LabelRequest> requests;
        for (int i = 0; i < 6; ++i) requests.push_back({QPointF(100 + 3 * i, 100), QSizeF(50, 14)});
        const auto boxes = placeLabels(requests, QRectF(0, 0, 300, 200), {}, 4);
        for (size_t i = 0; i < boxes.size(); ++i) {
            QVERIFY(!boxes[i].isEmpty());
            for (size_t j = 0; j < i; ++j) QVERIFY(!boxes[i].intersects(boxes[j]));
        }
    }

    void comparisonPlacesNamesApart() {
        ThemeController themes;
        ComparisonView view(&themes);
        view.setSeries(samples::comparison());
        present(view);
        const auto& labels = view.labels();
        QCOMPARE(labels.size(), size_t{6});
        for (size_t i = 0; i < labels.size(); ++i) {
            QVERIFY2(!labels[i].isEmpty(), qPrintable(QString::number(i)));
            QVERIFY(QRectF(view.plotArea()).contains(labels[i]));
            for (size_t j = 0; j < i; ++j) QVERIFY(!labels[i].intersects(labels[j]));
        }
        // What is 1,000 times worse stands at the upper edge and leaves the others their room.
        QVERIFY(view.pointAt(5).y() < view.plotArea().top() + 10);
        QVERIFY(view.yRange().upper < 37.12 * 6 * 2);
        QVERIFY(view.pointAt(0).y() > view.pointAt(2).y() + 20);
        QVERIFY(pixelsOf(view.picture().toImage(), themes.theme().variantColor(2)) > 20);
        ComparisonSeries estimate = samples::comparison();
        estimate.complete = false;
        view.setSeries(estimate);
        QCOMPARE(pixelsOf(view.picture().toImage(), themes.theme().variantColor(2)), 0);
    }

    void comparisonSelectsAndTells() {
        ThemeController themes;
        ComparisonView view(&themes);
        view.setSeries(samples::comparison());
        present(view);
        QSignalSpy chosen(&view, &ComparisonView::variantSelected);
        QSignalSpy told(&view, &PlotView::hovered);
        moveTo(view, view.pointAt(3) + QPointF(4, 3), {});
        QCOMPARE(told.last().at(0).toString(),
                 QStringLiteral("D  int4 affine g64: 4.31 bits a weight · perplexity 44.87"));
        QTest::mouseClick(canvas(view), Qt::LeftButton, {}, view.pointAt(3).toPoint());
        QCOMPARE(chosen.count(), 1);
        QCOMPARE(chosen.last().at(0).toInt(), 3);
        QTest::mouseClick(canvas(view), Qt::LeftButton, {}, view.plotArea().bottomRight() - QPoint(3, 3));
        QCOMPARE(chosen.count(), 1);  // nothing is there
        const PlotTable table = view.table();
        QCOMPARE(table.header[2], QStringLiteral("perplexity"));
        QCOMPARE(table.rows[3],
                 (QStringList{QStringLiteral("D  int4 affine g64"), QStringLiteral("4.31"),
                              QStringLiteral("44.87"), QStringLiteral("0.8974"), QStringLiteral("0")}));
        QCOMPARE(table.rows[4].last(), QStringLiteral("1"));
    }

    void beforeAndAfterShowBoth() {
        ThemeController themes;
        BeforeAfterView view(&themes);
        view.setSeries(samples::smoothedInputs());
        present(view);
        const QImage image = view.picture().toImage();
        QVERIFY(pixelsOf(image, themes.theme().reference) > 1000);
        QVERIFY(pixelsOf(image, themes.theme().variantColor(4)) > 300);
        QVERIFY(view.yRange().upper > 300);
        QSignalSpy told(&view, &PlotView::hovered);
        moveTo(view, QPointF(view.positionOf(77.5, 1).x(), view.plotArea().center().y()), {});
        QCOMPARE(told.last().at(0).toString(), QStringLiteral("channel 77: 300 → 10.4"));
        QCOMPARE(view.table().rows.size(), 576);
        QCOMPARE(view.table().rows[77].mid(0, 2), (QStringList{QStringLiteral("77"), QStringLiteral("300")}));
    }

    void lossCurveMarksTheChoice() {
        ThemeController themes;
        LossCurveView view(&themes);
        view.setSeries(samples::lossOverAlpha());
        present(view);
        // The losses far above that of alpha = 0 leave the picture.
        QVERIFY(view.yRange().upper < 3.5 * 4.1);
        QVERIFY(view.yRange().lower < view.series().loss[8]);
        QCOMPARE(view.table().rows[8].last(), QStringLiteral("1"));
        QCOMPARE(view.table().rows[0].last(), QStringLiteral("0"));
        QSignalSpy told(&view, &PlotView::hovered);
        moveTo(view, view.positionOf(0.41, view.series().loss[8]), {});
        QCOMPARE(told.last().at(0).toString(), QStringLiteral("alpha 0.4: 3.54"));
    }

    void csvIsExact() {
        ThemeController themes;
        ErrorSplitView view(&themes);
        view.setRows({{1, QStringLiteral("a,\"b\""), 0.1, 1.0 / 3, 12.5, false, false, true}});
        QTemporaryDir folder;
        const QString path = folder.filePath(QStringLiteral("split.csv"));
        QVERIFY(view.saveTo(path));
        QFile file(path);
        QVERIFY(file.open(QIODevice::ReadOnly));
        QCOMPARE(file.readAll(), QByteArray("variant,rounding_mse,clipping_mse,sqnr_db\n"
                                            "\"a,\"\"b\"\"\",0.1,0.3333333333333333,12.5\n"));
    }

    void picturesAreWritten() {
        ThemeController themes;
        ClipCurveView view(&themes);
        view.setSeries(samples::clipCurve());
        present(view);
        QTemporaryDir folder;
        QVERIFY(view.saveTo(folder.filePath(QStringLiteral("a.png"))));
        QCOMPARE(QImageReader(folder.filePath(QStringLiteral("a.png"))).size(), view.size() * 2);
        QVERIFY(view.saveTo(folder.filePath(QStringLiteral("a.pdf"))));
        QFile pdf(folder.filePath(QStringLiteral("a.pdf")));
        QVERIFY(pdf.open(QIODevice::ReadOnly));
        QVERIFY(pdf.readAll().startsWith("%PDF-"));
        QVERIFY(view.saveTo(folder.filePath(QStringLiteral("a.svg"))));
        QFile svg(folder.filePath(QStringLiteral("a.svg")));
        QVERIFY(svg.open(QIODevice::ReadOnly));
        QXmlStreamReader xml(&svg);
        while (!xml.atEnd()) xml.readNext();
        QVERIFY(!xml.hasError());
        QString reason;
        QVERIFY(!view.saveTo(folder.filePath(QStringLiteral("a.xyz")), &reason));
        QVERIFY(!reason.isEmpty());
    }

    void heatmapKeepsOutliersAndAsksForDetail() {
        ThemeController themes;
        HeatmapView view(&themes);
        HeatmapSeries series = samples::heatmap(1000, 1000, ColorMap::Viridis);
        auto values = std::make_shared<std::vector<float>>(1000 * 1000, 0.f);
        (*values)[500 * 1000 + 333] = 1;
        series.owner = values;
        series.values = *values;
        series.low = 0;
        series.high = 1;
        series.rowsPerCell = series.colsPerCell = 4;
        series.totalRows = series.totalCols = 4000;
        series.region = {0, 4000, 0, 4000};
        view.setSeries(series);
        view.setScalePlace(HeatmapView::ScalePlace::TitleLine);
        present(view);
        QVERIFY(pixelsOf(view.picture().toImage(), QColor(0xfd, 0xe7, 0x25)) >= 1);
        QCOMPARE(view.cellText(2001, 1333), QStringLiteral("rows 2000-2003, columns 1332-1335: largest 1"));
        QSignalSpy asked(&view, &HeatmapView::regionRequested);
        view.zoomTo({1000, 1400}, {1800, 2200});
        QVERIFY(asked.wait(2000));
        const auto region = asked.last().at(0).value<CellRegion>();
        QCOMPARE(region, (CellRegion{1700, 2301, 900, 1501}));
    }
};

QTEST_MAIN(TestPlotsViews)
#include "test_plots_views.moc"
