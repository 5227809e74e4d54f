// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAbstractItemModelTester>
#include <QLayout>
#include <QSignalSpy>
#include <QTableView>
#include <QTest>

#include "app/experiment/source_library.h"
#include "app/pipelines/tensor_pipeline.h"
#include "labs/layer_panel.h"
#include "labs/model_lab.h"
#include "labs/row_page.h"
#include "labs/tensor_lab.h"
#include "plots/channel_view.h"
#include "plots/comparison_view.h"
#include "plots/four_panel_heatmap.h"
#include "plots/histogram_view.h"
#include "plots/layer_error_view.h"
#include "plots/perplexity_view.h"
#include "plots/token_text_view.h"
#include "theme/card.h"
#include "theme/theme_controller.h"

using namespace quantscope;

namespace {

void present(QWidget& view, const QSize& size) {
    view.resize(size);
    view.show();
    for (int i = 0; i < 10; ++i) QCoreApplication::processEvents(QEventLoop::AllEvents, 10);
}

/// Where QUANTSCOPE_PICTURES names a folder, the lab as a PNG, for people to look at.
void keepPicture(QWidget& view, const QString& name) {
    const QString folder = qEnvironmentVariable("QUANTSCOPE_PICTURES");
    if (!folder.isEmpty()) view.grab().save(folder + QLatin1Char('/') + name + QStringLiteral(".png"));
}

std::shared_ptr<const TensorResults> tensorResults() {
    static const KernelTable& kernels = *kernelTables().back();
    SourceLibrary sources(kernels);
    TensorPipeline pipeline(sources, kernels);
    Experiment experiment;
    experiment.edit<TensorPart>().matrix = SyntheticSource{"outliers/rows=256/cols=384/seed=1"};
    experiment.variants = defaultVariants();
    experiment.variants.push_back(*parseVariant("int4/tensor"));
    LabValues views;
    views.edit<TensorView>().heatmapVariant = 2;
    std::shared_ptr<const TensorResults> last;
    pipeline.run({experiment, views}, 1, {},
                 [&last](std::shared_ptr<const TensorResults> results) { last = results; });
    return last;
}

std::shared_ptr<const ModelResults> modelResults() {
    auto results = std::make_shared<ModelResults>();
    results->request.variants = defaultVariants();
    results->title = "tiny-llama";
    EvaluationResult& evaluation = results->evaluation;
    evaluation.chunksDone = 3;
    evaluation.chunksTotal = 8;
    const char* words[] = {"In", " the", " beginning", " was", " the", " word", ",", " and"};
    for (size_t i = 0; i < results->request.variants.size(); ++i) {
        VariantScore score;
        score.tokens = 765;
        score.perplexity = 20 + 3.0 * static_cast<double>(i);
        score.perplexitySe = 0.7;
        score.deltaNll = 0.02 * static_cast<double>(i);
        score.deltaNllSe = 0.003;
        score.kl = {0, 0, 0, 0, 0, 0, 0.01 * static_cast<double>(i), 0, 0.05, 0.1, 0.4, 0.9, 2};
        score.top1Agreement = 0.9;
        score.klMean = 0.02 * static_cast<double>(i);
        score.bitsPerWeight = i == 0 ? 16 : 10 - 2.0 * static_cast<double>(i);
        evaluation.variants.push_back(score);
        std::vector<TokenScore> row;
        for (int t = 0; t < 200; ++t) row.push_back({t, 2.f, 2.f + 0.2f * static_cast<float>(t % 7), 0.1f});
        evaluation.tokens.push_back(row);
    }
    for (int t = 0; t < 200; ++t) results->tokenTexts.emplace_back(words[t % 8]);
    auto layers = std::make_shared<std::vector<LayerRow>>();
    for (int block = 0; block < 6; ++block)
        for (const char* name : {"attn_q", "attn_v", "ffn_down"}) {
            LayerRow row;
            row.name = "blk." + std::to_string(block) + "." + name;
            row.localError = 0.05 + 0.01 * block;
            row.accumulatedError = 0.05 + 0.02 * block;
            layers->push_back(row);
        }
    results->layers = layers;
    results->layerVariant = 2;
    return results;
}

}  // namespace

class TestLabsViews : public QObject {
    Q_OBJECT
 private Q_SLOTS:
    void tensorLabShowsEveryVariant() {
        const auto results = tensorResults();
        QVERIFY(results && !results->error);
        ThemeController themes;
        themes.applyTo(*qApp);
        TensorLab lab(&themes);
        lab.showResults(results);
        QCOMPARE(lab.histograms().size(), size_t{0});  // hidden: nothing drawn yet
        present(lab, {1040, 760});
        QCOMPARE(lab.histograms().size(), results->variants.size() - 1);
        const HistogramView& last = *lab.histograms().back();
        QVERIFY(last.series().clipMovable);
        QVERIFY(!last.series().quantized.empty());
        QCOMPARE(last.yRange(), lab.histograms().front()->yRange());
        QCOMPARE(lab.channels()->series().channels, 384);
        QCOMPARE(lab.heatmaps()->panel(FourPanelHeatmap::Error)->series().totalCols, 384);
        Q_EMIT lab.heatmaps()->panel(FourPanelHeatmap::Error)->elementHovered(3, 5);
        QVERIFY2(lab.heatmaps()->sentence().startsWith(QLatin1String("[3, 5]")),
                 qPrintable(lab.heatmaps()->sentence()));
        QSignalSpy dragged(&lab, &TensorLab::clipDragged);
        Q_EMIT lab.histograms().back()->clipDragged(-1, 1);
        QCOMPARE(dragged.last().at(0).toInt(), static_cast<int>(results->variants.size()) - 1);
        QSignalSpy brushed(&lab, &TensorLab::inputChannelBrushed);
        Q_EMIT lab.channels()->channelBrushed(7);
        QCOMPARE(brushed.last().at(0).toLongLong(), 7);
        QCOMPARE(lab.channels()->marked(), 7);
        keepPicture(lab, QStringLiteral("tensor-light"));
        themes.setDark(true);
        present(lab, {1300, 860});
        keepPicture(lab, QStringLiteral("tensor-dark"));
    }

    void layerTableSortsFiltersAndMarks() {
        ThemeController themes;
        LayerPanel panel(&themes);
        QAbstractItemModelTester tester(panel.model(),
                                        QAbstractItemModelTester::FailureReportingMode::QtTest);
        panel.setResults(modelResults());
        QCOMPARE(panel.summary(), QStringLiteral("18 linear layers"));
        const auto shown = [&panel] {
            QStringList names;
            for (const QStringList& row : panel.chart()->table().rows) names << row.front();
            return names;
        };
        QCOMPARE(shown().first(), QStringLiteral("blk.0.attn_q"));
        panel.table()->sortByColumn(1, Qt::DescendingOrder);  // local error
        QCOMPARE(shown().first(), QStringLiteral("blk.5.attn_q"));
        QCOMPARE(panel.model()->index(0, 0).data().toString(), shown().first());
        panel.setFilterText(QStringLiteral("ffn > 8,5 %"));
        QCOMPARE(shown().size(), 6);
        QCOMPARE(shown().first(), QStringLiteral("blk.5.ffn_down"));
        QCOMPARE(panel.summary(), QStringLiteral("6 of 18 layers, 2 above 8.5 %"));
        QVERIFY(panel.model()->index(1, 0).data(LayerTableModel::AboveRole).toBool());
        QVERIFY(!panel.model()->index(2, 0).data(LayerTableModel::AboveRole).toBool());
        QSignalSpy chosen(&panel, &LayerPanel::layerSelected);
        Q_EMIT panel.table()->clicked(panel.model()->index(2, 0));
        QCOMPARE(chosen.last().at(0).toString(), QStringLiteral("blk.3.ffn_down"));
        panel.setFilterText(QStringLiteral("nothing like it"));
        QVERIFY(shown().isEmpty());
        panel.setFilterText({});
        panel.table()->sortByColumn(0, Qt::AscendingOrder);
        QCOMPARE(shown().size(), 18);
        QCOMPARE(shown().first(), QStringLiteral("blk.0.attn_q"));
    }

    void rowsFillTheWindowOrMakePages() {
        ThemeController themes;
        RowPage page(&themes);
        std::vector<QWidget*> rows;
        for (int i = 0; i < 3; ++i) {
            rows.push_back(new QWidget);
            page.addRow(rows.back(), 100, i + 1);
        }
        present(page, {400, 500});
        QCOMPARE(page.pageCount(), 1);
        QCOMPARE(rows.back()->geometry().bottom() + 1, page.viewport()->height());
        QVERIFY(rows[2]->height() > rows[0]->height());
        present(page, {400, 230});
        QCOMPARE(page.pageCount(), 2);
        QCOMPARE(rows[1]->geometry().bottom() + 1, page.viewport()->height());
        QVERIFY(rows[2]->height() >= 100);
        page.turnPage(1);
        QCOMPARE(rows[2]->mapTo(page.viewport(), QPoint()).y(), 0);
        present(page, {400, 60});
        QCOMPARE(page.pageCount(), 3);
        for (const QWidget* row : rows) QVERIFY(row->height() >= 100);
    }

    void modelLabFillsLive() {
        ThemeController themes;
        themes.applyTo(*qApp);
        ModelLab lab(&themes);
        present(lab, {1040, 760});
        lab.showResults(modelResults());
        lab.setWork({true, 0.4, 12, QStringLiteral("scoring")});
        present(lab, {1040, 760});
        QCOMPARE(lab.perplexity()->table().rows.size(), 4);
        const ComparisonSeries& compared = lab.comparison()->series();
        QCOMPARE(compared.points.size(), size_t{4});
        QCOMPARE(compared.front, (std::vector<size_t>{3, 2, 1, 0}));
        QCOMPARE(compared.reference, 20.0);
        QVERIFY(!compared.complete);
        QSignalSpy selected(&lab, &ModelLab::variantSelected);
        QTest::mouseClick(lab.comparison()->findChild<QWidget*>(QString(), Qt::FindDirectChildrenOnly),
                          Qt::LeftButton, {}, lab.comparison()->pointAt(2).toPoint());
        QCOMPARE(selected.count(), 1);
        QCOMPARE(selected.last().at(0).toInt(), 2);
        QCOMPARE(lab.layers()->chart()->table().rows.size(), 18);
        QCOMPARE(lab.text()->table().rows.size(), 200);
        QSignalSpy cancelled(&lab, &ModelLab::cancelRequested);
        QSignalSpy chosen(&lab, &ModelLab::layerSelected);
        const QPoint at = lab.layers()->chart()->positionOf(2, 1).toPoint();
        QTest::mouseClick(lab.layers()->chart()->findChild<QWidget*>(QString(), Qt::FindDirectChildrenOnly),
                          Qt::LeftButton, {}, at);
        QCOMPARE(chosen.count(), 1);
        QCOMPARE(chosen.last().at(0).toString(), QStringLiteral("blk.0.ffn_down"));
        keepPicture(lab, QStringLiteral("model-light"));
    }
};

QTEST_MAIN(TestLabsViews)
#include "test_labs_views.moc"
