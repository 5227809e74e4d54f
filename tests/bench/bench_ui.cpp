// SPDX-License-Identifier: GPL-3.0-or-later
// Drives the window offscreen: control moved -> every visible plot painted, for the preview and the full
// result, and the longest time the GUI thread was away from its events.
#include <QFile>
#include <QPaintEvent>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "../ui/driven_window.h"
#include "labs/tensor_lab.h"
#include "plots/plot_view.h"
#include "shell/variant_card.h"
#include "shell/variants_panel.h"
#include "widgets/parameter_control.h"
#include "widgets/parameter_form.h"
#include "widgets/tick_slider.h"

using namespace quantscope;

namespace {

constexpr int kMoves = 20;
constexpr int kDragSteps = 200;
constexpr double kGiveUpMs = 10000;
constexpr double kQuietMs = 40;  ///< no paint for so long: everything is on screen

double milliseconds(const QElapsedTimer& timer) {
    return static_cast<double>(timer.nsecsElapsed()) * 1e-6;
}

double percentile(std::vector<double> values, double share) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    return values[static_cast<size_t>(std::lround(share * static_cast<double>(values.size() - 1)))];
}

/// Notes when a plot was painted last, and when each first showed a preview.
class PaintWatch : public QObject {
 public:
    explicit PaintWatch(DrivenWindow& driven) : m_document(driven.document) {
        for (PlotView* plot : driven.window.findChildren<PlotView*>())
            for (auto* canvas : plot->findChildren<QWidget*>()) canvas->installEventFilter(this);
    }
    bool eventFilter(QObject* canvas, QEvent* event) override {
        if (event->type() != QEvent::Paint) return false;
        lastPaint = milliseconds(clock);
        const auto results = m_document.resultsOf<TensorResults>("tensor");
        if (results && results->tier == Tier::Preview) m_previews.try_emplace(canvas, lastPaint);
        return false;
    }
    void start() {
        clock.start();
        lastPaint = -1;
        m_previews.clear();
    }
    /// When the last of the plots that showed the preview had been painted; -1: none did.
    [[nodiscard]] double previewPainted() const {
        double latest = -1;
        for (const auto& [canvas, at] : m_previews) latest = std::max(latest, at);
        return latest;
    }
    QElapsedTimer clock;
    double lastPaint = -1;

 private:
    Document& m_document;
    std::map<QObject*, double> m_previews;
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
    std::vector<double> computing;  ///< the engine's share of the full result
    std::vector<double> arrived;    ///< when the full result reached the window
    double worstGap = 0;
    int updates = 0;
};

/// A kind of move: changes variant B to something it was not yet, so that no cached result of it answers.
struct MoveKind {
    const char* name;
    std::function<void(DrivenWindow&, int)> move;
};

void edit(DrivenWindow& driven, const std::function<void(Scheme&)>& change) {
    Experiment next = driven.document.experiment();
    change(next.variants[1].weights.scheme);
    driven.document.edit(next, EditOrigin{QStringLiteral("bench"), 0});
}

std::vector<MoveKind> moveKinds() {
    return {{"clip limit",
             [](DrivenWindow& driven, int i) {
                 const double absMax =
                     driven.document.resultsOf<TensorResults>("tensor")->stage->report.extremes.absMax();
                 const double limit = (1 - 0.013 * (i + 1)) * absMax;
                 auto* lab = driven.window.findChild<TensorLab*>();
                 Q_EMIT lab->clipDragged(1, -limit, limit);
                 Q_EMIT lab->clipDragFinished(1);
             }},
            {"bits",
             [](DrivenWindow& driven, int i) {
                 // A percentile of its own each round: seven numbers of bits are soon all known.
                 const int round = i / 7;
                 edit(driven, [i, round](Scheme& scheme) {
                     scheme.estimator = RangeEstimator::Percentile;
                     scheme.percentileHigh = 99.9 + 0.001 * round;
                     scheme.bits = 2 + i % 7;
                 });
             }},
            {"group size",
             [](DrivenWindow& driven, int i) {
                 edit(driven, [i](Scheme& scheme) {
                     scheme = *parseScheme("int4/affine/group=64");
                     scheme.groupSize = 16 + 8 * (i + 1);
                 });
             }},
            {"rounding", [](DrivenWindow& driven, int i) {
                 static constexpr Rounding kModes[] = {Rounding::HalfAway, Rounding::Floor, Rounding::Ceil,
                                                       Rounding::HalfEven, Rounding::TowardZero};
                 edit(driven, [i](Scheme& scheme) {
                     scheme = *parseScheme("int4/affine/group=64");
                     scheme.groupSize = 512 + 8 * (i / 5);
                     scheme.rounding = kModes[i % 5];
                 });
             }}};
}

/// One move, up to the last paint of its full result.
void measureMove(DrivenWindow& driven, PaintWatch& paints, const MoveKind& kind, int index, Times& times) {
    // Quiet before the full result arrived is that of the preview, which says nothing about the full one.
    double fullArrived = -1;
    double computing = 0;
    QObject context;
    QObject::connect(&driven.document, &Document::resultsChanged, &context,
                     [&](const std::string&, const std::shared_ptr<const LabResults>& results) {
                         fullArrived = results->complete ? milliseconds(paints.clock) : -1;
                         computing = results->seconds * 1e3;
                     });
    paints.start();
    kind.move(driven, index);
    while (fullArrived < 0 || !driven.window.isSettled() ||
           milliseconds(paints.clock) - std::max(fullArrived, paints.lastPaint) < kQuietMs) {
        turn(times.worstGap);
        if (milliseconds(paints.clock) > kGiveUpMs) {
            std::printf("%s %d: no full result painted in %.0f ms\n", kind.name, index, kGiveUpMs);
            return;
        }
    }
    if (paints.previewPainted() >= 0) times.preview.push_back(paints.previewPainted());
    times.full.push_back(std::max(fullArrived, paints.lastPaint));
    times.computing.push_back(computing);
    times.arrived.push_back(fullArrived);
}

/// The slider dragged without a rest: results shown meanwhile and the longest stretch.
Times dragSlider(DrivenWindow& driven) {
    Times times;
    QObject context;
    QObject::connect(&driven.document, &Document::resultsChanged, &context, [&times] { ++times.updates; });
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
    if (!driven.settles(120) || !driven.document.resultsOf<TensorResults>("tensor") ||
        driven.document.resultsOf<TensorResults>("tensor")->error) {
        std::printf("%-28s not measured\n", name);
        return;
    }
    PaintWatch paints(driven);
    for (const MoveKind& kind : moveKinds()) {
        Times times;
        for (int i = 0; i < kMoves; ++i) measureMove(driven, paints, kind, i, times);
        const auto line = [&](const char* tier, const std::vector<double>& values) {
            std::printf("%-24s %-11s %-8s ", name, kind.name, tier);
            if (values.empty()) return std::printf("%8s\n", "none");
            return std::printf("%8.1f %8.1f %10.1f\n", percentile(values, 0.5), percentile(values, 0.95),
                               times.worstGap);
        };
        line("preview", times.preview);
        line("full", times.full);
        std::printf("%-24s %-11s          %8.1f computing, at the window after %.1f\n", name, kind.name,
                    percentile(times.computing, 0.5), percentile(times.arrived, 0.5));
    }
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
    Experiment experiment = DrivenWindow::sample(64).experiment;
    experiment.model.modelPath = model;
    auto driven = std::make_unique<DrivenWindow>(experiment);
    driven->window.showLab("model");
    const bool runs = DrivenWindow::waitUntil(
        [&] {
            const auto results = driven->document.resultsOf<ModelResults>("model");
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
        PaintWatch paints(driven);
        paints.start();
        const bool good = DrivenWindow::waitUntil([&] {
            return driven.document.resultsOf<TensorResults>("tensor") != nullptr && paints.lastPaint >= 0;
        });
        std::printf("start -> first plot of the sample: %.0f ms%s\n", milliseconds(start),
                    good ? "" : " (not painted)");
    }
    std::printf("control moved -> all visible plots painted, 2 variants, %d moves, ms\n", kMoves);
    std::printf("%-24s %-11s %-8s %8s %8s %10s\n", "", "move", "result", "median", "95 %", "worst gap");
    measure("sample layer", twoVariants(DrivenWindow::sample().experiment));
    const std::string smol = inRepository("models/SmolLM2-135M-Instruct.Q4_1.gguf");
    const bool hasModel = QFile::exists(QString::fromStdString(smol));
    if (hasModel) {
        Experiment layer = DrivenWindow::sample().experiment;
        layer.model.modelPath = smol;
        layer.edit<TensorPart>().matrix = TensorSource{smol, "blk.28.ffn_down.weight"};
        measure("SmolLM2 blk.28.ffn_down", twoVariants(layer));
    }
    measure("49152 x 576 synthetic",
            twoVariants(DrivenWindow::synthetic("student-t/rows=49152/cols=576/seed=1")));
    if (hasModel) measureClosing(smol);
    return 0;
}
