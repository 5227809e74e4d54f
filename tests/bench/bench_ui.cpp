// SPDX-License-Identifier: GPL-3.0-or-later
// Drives the window offscreen: control moved -> every visible plot painted, for the preview and the full
// result, and the longest time the GUI thread was away from its events.
#include <QFile>
#include <QPaintEvent>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include "../ui/driven_window.h"
#include "labs/tensor_lab.h"
#include "plots/plot_view.h"
#include "shell/parameter_control.h"
#include "shell/parameter_form.h"
#include "shell/tick_slider.h"
#include "shell/variant_card.h"
#include "shell/variants_panel.h"

using namespace quantscope;

namespace {

constexpr int kMoves = 30;
constexpr int kDragSteps = 200;
constexpr double kGiveUpMs = 10000;
constexpr double kQuietMs = 40;  ///< no paint for so long: everything is on screen

double milliseconds(const QElapsedTimer& timer) {
    return static_cast<double>(timer.nsecsElapsed()) * 1e-6;
}

double percentile(std::vector<double> values, double share) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
}

/// Notes when a plot was painted last.
class PaintWatch : public QObject {
 public:
    explicit PaintWatch(QWidget& window) {
        for (PlotView* plot : window.findChildren<PlotView*>())
            for (auto* canvas : plot->findChildren<QWidget*>()) canvas->installEventFilter(this);
    }
    bool eventFilter(QObject*, QEvent* event) override {
        if (event->type() == QEvent::Paint) lastPaint = milliseconds(clock);
        return false;
    }
    QElapsedTimer clock;
    double lastPaint = -1;
};

/// Runs events and keeps the longest uninterrupted stretch.
void turn(double& worstGap) {
    QElapsedTimer stretch;
    stretch.start();
    QCoreApplication::processEvents();
    worstGap = std::max(worstGap, milliseconds(stretch));
    QThread::usleep(300);
}

struct Times {
    std::vector<double> preview;
    std::vector<double> full;
    double worstGap = 0;
    int updates = 0;
};

/// One move of the clip limits to `share` of the largest magnitude (a new place each time: no cached result
/// answers), up to the last paint of its full result.
void measureMove(DrivenWindow& driven, PaintWatch& paints, double share, Times& times) {
    double previewAt = -1;
    double previewPainted = -1;
    bool isFull = false;
    QObject context;
    QObject::connect(&driven.session, &SessionController::tensorResultsChanged, &context,
                     [&](const std::shared_ptr<const TensorResults>& results) {
                         if (results->tier == Tier::Preview) previewAt = milliseconds(paints.clock);
                         isFull = results->tier == Tier::Full;
                         if (isFull && previewAt >= 0 && paints.lastPaint > previewAt)
                             previewPainted = paints.lastPaint;
                     });
    paints.clock.start();
    paints.lastPaint = -1;
    const double limit = share * driven.session.tensorResults()->stage->report.extremes.absMax();
    auto* lab = driven.window.findChild<TensorLab*>();
    Q_EMIT lab->clipDragged(1, -limit, limit);
    Q_EMIT lab->clipDragFinished(1);
    while (!isFull || !driven.window.isSettled() ||
           milliseconds(paints.clock) - std::max(0.0, paints.lastPaint) < kQuietMs) {
        turn(times.worstGap);
        if (milliseconds(paints.clock) > kGiveUpMs) {
            std::printf("limit %g: no full result painted in %.0f ms\n", share, kGiveUpMs);
            return;
        }
    }
    if (previewPainted >= 0) times.preview.push_back(previewPainted);
    times.full.push_back(paints.lastPaint);
}

/// The slider dragged without a rest: results shown meanwhile and the longest stretch.
Times dragSlider(DrivenWindow& driven) {
    Times times;
    QObject context;
    QObject::connect(&driven.session, &SessionController::tensorResultsChanged, &context,
                     [&times] { ++times.updates; });
    auto* slider =
        driven.window.variantsPanel()->card(1)->weightForm()->control("bits")->findChild<TickSlider*>();
    for (int step = 0; step < kDragSteps && slider; ++step) {
        const int span = slider->count() - 1;
        const int phase = (step / 4) % (2 * span);
        Q_EMIT slider->moved(phase <= span ? phase : 2 * span - phase, 1);
        QElapsedTimer pace;
        pace.start();
        while (milliseconds(pace) < 16) turn(times.worstGap);
    }
    return times;
}

void measure(const char* name, const Experiment& experiment) {
    DrivenWindow driven(experiment);
    driven.window.variantsPanel()->openCard(1);
    if (!driven.settles(120) || !driven.session.tensorResults() || driven.session.tensorResults()->error) {
        std::printf("%-28s not measured\n", name);
        return;
    }
    PaintWatch paints(driven.window);
    Times times;
    for (int i = 0; i < kMoves; ++i) measureMove(driven, paints, 1 - 0.013 * (i + 1), times);
    const auto line = [name](const char* tier, const std::vector<double>& values, double gap) {
        if (values.empty()) return std::printf("%-28s %-8s %10s\n", name, tier, "none");
        return std::printf("%-28s %-8s %8.1f %8.1f %10.1f\n", name, tier, percentile(values, 0.5),
                           percentile(values, 0.95), gap);
    };
    line("preview", times.preview, times.worstGap);
    line("full", times.full, times.worstGap);
    const Times drag = dragSlider(driven);
    std::printf("%-28s drag: %d updates in %d steps of 16 ms, worst gap %.1f ms\n", name, drag.updates,
                kDragSteps, drag.worstGap);
    std::fflush(stdout);
}

Experiment twoVariants(Experiment experiment) {
    experiment.variants = *parseVariants("float; int4/affine/group=64");
    return experiment;
}

/// From a running evaluation of `model` to the window's destruction.
void measureClosing(const std::string& model) {
    Experiment experiment = DrivenWindow::sample(64);
    experiment.model.modelPath = model;
    auto driven = std::make_unique<DrivenWindow>(experiment);
    driven->window.showLab(LabKind::Model);
    const bool runs = DrivenWindow::waitUntil(
        [&] {
            const auto results = driven->session.modelResults();
            return results && results->evaluation.chunksDone > 0;
        },
        120);
    QElapsedTimer timer;
    timer.start();
    driven->window.close();
    const double hidden = milliseconds(timer);
    driven.reset();
    std::printf("closing while it evaluates%s: hidden after %.0f ms, gone after %.0f ms\n",
                runs ? "" : " (nothing scored yet)", hidden, milliseconds(timer));
}

}  // namespace

int main(int argc, char** argv) {
    QElapsedTimer start;
    start.start();
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    if (qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
    QApplication application(argc, argv);
    {
        DrivenWindow driven(DrivenWindow::sample());
        PaintWatch paints(driven.window);
        paints.clock.start();
        const bool good = DrivenWindow::waitUntil(
            [&] { return driven.session.tensorResults() != nullptr && paints.lastPaint >= 0; });
        std::printf("start -> first plot of the sample: %.0f ms%s\n", milliseconds(start),
                    good ? "" : " (not painted)");
    }
    std::printf("control moved -> all visible plots painted, 2 variants, %d moves, ms\n", kMoves);
    std::printf("%-28s %-8s %8s %8s %10s\n", "", "result", "median", "95 %", "worst gap");
    measure("sample layer", twoVariants(DrivenWindow::sample()));
    const std::string smol = inRepository("models/SmolLM2-135M-Instruct.Q4_1.gguf");
    const bool hasModel = QFile::exists(QString::fromStdString(smol));
    if (hasModel) {
        Experiment layer = DrivenWindow::sample();
        layer.model.modelPath = smol;
        layer.matrix = TensorSource{smol, "blk.28.ffn_down.weight"};
        measure("SmolLM2 blk.28.ffn_down", twoVariants(layer));
    }
    measure("49152 x 576 synthetic",
            twoVariants(DrivenWindow::synthetic("student-t/rows=49152/cols=576/seed=1")));
    if (hasModel) measureClosing(smol);
    return 0;
}
