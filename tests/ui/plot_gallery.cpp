// SPDX-License-Identifier: GPL-3.0-or-later
// Paints every plot with sample data into PNG files, light, dark and presentation: what a change of the plots
// looks like. Usage: plot_gallery FOLDER
#include <QApplication>
#include <QDir>
#include <QGridLayout>

#include "plot_samples.h"
#include "plots/four_panel_heatmap.h"
#include "theme/card.h"
#include "theme/theme_controller.h"

using namespace quantscope;

namespace {

Card* card(ThemeController& themes, const QString& title, QWidget* content) {
    auto* made = new Card(&themes, title);
    made->setContent(content);
    made->showContent();
    return made;
}

QWidget* gallery(ThemeController& themes) {
    auto* page = new QWidget;
    auto* grid = new QGridLayout(page);
    for (int i = 0; i < 3; ++i) {
        auto* view = new HistogramView(&themes);
        auto series = samples::histogram(i + 1, i == 0 ? 256 : i == 1 ? 16 : 8);
        if (i == 2) series.sample = QStringLiteral("1/64 sample");
        view->setSeries(series);
        grid->addWidget(card(themes, QStringLiteral("Histogram"), view), 0, i * 2, 1, 2);
    }
    auto* split = new ErrorSplitView(&themes);
    split->setRows(samples::errorRows());
    grid->addWidget(card(themes, QStringLiteral("Error: clipping and rounding"), split), 1, 0, 1, 3);
    auto* clip = new ClipCurveView(&themes);
    clip->setSeries(samples::clipCurve());
    grid->addWidget(card(themes, QStringLiteral("Clip ratio"), clip), 1, 3, 1, 3);
    auto* channels = new ChannelView(&themes);
    channels->setSeries(samples::channels());
    channels->setMarked(678);
    grid->addWidget(card(themes, QStringLiteral("Channels"), channels), 2, 0, 1, 4);
    auto* maps = new FourPanelHeatmap(&themes);
    maps->setSeries(samples::fourPanels());
    maps->setSentence(QStringLiteral("[17, 42] 0.0674 / 0.0234 = 2.88 → q 3 → 0.0702, error -0.0028"));
    grid->addWidget(card(themes, QStringLiteral("Heat maps"), maps), 2, 4, 1, 2);
    auto* perplexity = new PerplexityView(&themes);
    perplexity->setSeries(samples::perplexity());
    grid->addWidget(card(themes, QStringLiteral("Perplexity"), perplexity), 3, 0, 1, 2);
    auto* kl = new KlView(&themes);
    kl->setRows(samples::klRows());
    grid->addWidget(card(themes, QStringLiteral("KL"), kl), 3, 2, 1, 2);
    auto* comparison = new ComparisonView(&themes);
    comparison->setSeries(samples::comparison());
    comparison->setSelected(4);
    grid->addWidget(card(themes, QStringLiteral("Loss against size"), comparison), 3, 4, 1, 2);
    auto* layers = new LayerErrorView(&themes);
    layers->setSeries(samples::layers());
    layers->setSelected(QStringLiteral("blk.28.ffn_down"));
    grid->addWidget(card(themes, QStringLiteral("Layers"), layers), 4, 0, 1, 4);
    auto* map = new HeatmapView(&themes);
    auto series = samples::heatmap(64, 96, ColorMap::Viridis);
    series.logMagnitude = true;
    series.low = 1e-3;
    map->setSeries(series);
    grid->addWidget(card(themes, QStringLiteral("Activations"), map), 4, 4, 1, 2);
    auto* smoothed = new BeforeAfterView(&themes);
    smoothed->setSeries(samples::smoothedInputs());
    grid->addWidget(card(themes, QStringLiteral("Inside SmoothQuant"), smoothed), 6, 0, 1, 4);
    auto* loss = new LossCurveView(&themes);
    loss->setSeries(samples::lossOverAlpha());
    grid->addWidget(card(themes, QStringLiteral("Inside AWQ"), loss), 6, 4, 1, 2);
    auto* text = new TokenTextView(&themes);
    text->setTokens(samples::tokens());
    grid->addWidget(card(themes, QStringLiteral("Text"), text), 5, 0, 1, 6);
    return page;
}

}  // namespace

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    const QDir folder(argc > 1 ? QString::fromLocal8Bit(argv[1]) : QStringLiteral("."));
    folder.mkpath(QStringLiteral("."));
    ThemeController themes;
    themes.applyTo(application);
    for (const bool dark : {false, true}) {
        for (const bool presentation : {false, true}) {
            themes.setDark(dark);
            themes.setPresentation(presentation);
            const std::unique_ptr<QWidget> page(gallery(themes));
            page->resize(presentation ? 1800 : 1300, presentation ? 2400 : 1700);
            page->show();
            for (int i = 0; i < 20; ++i) QCoreApplication::processEvents(QEventLoop::AllEvents, 20);
            const QString name = QStringLiteral("plots-%1%2.png")
                                     .arg(dark ? QStringLiteral("dark") : QStringLiteral("light"),
                                          presentation ? QStringLiteral("-present") : QString());
            page->grab().save(folder.filePath(name));
        }
    }
    return 0;
}
