// SPDX-License-Identifier: GPL-3.0-or-later
// Dragging over a large tensor: the window keeps following, and ends at the complete result of the last
// position.
#include <QSignalSpy>
#include <QTest>

#include <algorithm>

#include "driven_window.h"
#include "labs/tensor_lab.h"
#include "plots/histogram_view.h"
#include "shell/variant_card.h"
#include "shell/variants_panel.h"
#include "widgets/parameter_control.h"
#include "widgets/parameter_form.h"
#include "widgets/tick_slider.h"

using namespace quantscope;

namespace {

constexpr auto kLarge = "normal/rows=4096/cols=4096/seed=1";  // 16.8 M values
constexpr int kSteps = 100;
constexpr int kUpdates = 10;
constexpr int kMostSteps = 10000;  ///< a busy machine shows fewer results per step

Experiment twoVariants(const char* scheme) {
    Experiment experiment = DrivenWindow::synthetic(kLarge);
    experiment.variants = {experiment.variants.front(), *parseVariant(scheme)};
    return experiment;
}

struct Seen {
    int updates = 0;  ///< results of new requests
    bool ordered = true;
};

/// Counts the results of different requests that reach the window.
void watch(Document& document, QObject* context, Seen& seen) {
    QObject::connect(&document, &Document::resultsChanged, context,
                     [&seen, last = uint64_t{0}](const std::string&,
                                                 const std::shared_ptr<const LabResults>& results) mutable {
                         seen.ordered = seen.ordered && results->sequence >= last;
                         seen.updates += results->sequence != last ? 1 : 0;
                         last = results->sequence;
                     });
}

}  // namespace

class TestDriveDrag : public QObject {
    Q_OBJECT
 private Q_SLOTS:
    void bitsSlider();
    void clipLimit();
};

void TestDriveDrag::bitsSlider() {
    DrivenWindow driven(twoVariants("int4"));
    driven.window.variantsPanel()->openCard(1);
    QVERIFY(driven.settles());
    auto* slider =
        driven.window.variantsPanel()->card(1)->weightForm()->control("bits")->findChild<TickSlider*>();
    QVERIFY(slider);
    const int undoBefore = driven.document.undoStack()->count();
    QObject context;
    Seen seen;
    watch(driven.document, &context, seen);
    const int left = 10;
    const int right = slider->width() - 10;
    QTest::mousePress(slider, Qt::LeftButton, {}, QPoint(left, 9));
    // There and back at a hand's pace until the window has followed often enough.
    for (int step = 0; step < kSteps || (seen.updates < kUpdates && step < kMostSteps); ++step) {
        const int phase = step % 50;
        const double share = phase < 25 ? phase / 24.0 : (49 - phase) / 24.0;
        QTest::mouseMove(slider, QPoint(left + static_cast<int>(share * (right - left)), 9));
        QTest::qWait(16);
    }
    QTest::mouseMove(slider, QPoint((left + right) / 2, 9));
    QTest::mouseRelease(slider, Qt::LeftButton, {}, QPoint((left + right) / 2, 9));
    QVERIFY2(seen.updates >= kUpdates, qPrintable(QString::number(seen.updates)));
    QVERIFY(seen.ordered);
    QVERIFY(driven.settles());
    const auto last = driven.document.resultsOf<TensorResults>("tensor");
    QVERIFY(last->tier == Tier::Full);
    QCOMPARE(last->request, driven.document.experiment());
    QVERIFY(last->variants[1].report);
    QCOMPARE(driven.document.undoStack()->count(), undoBefore + 1);
    driven.document.undoStack()->undo();
    QCOMPARE(driven.document.experiment(), twoVariants("int4"));
}

void TestDriveDrag::clipLimit() {
    DrivenWindow driven(twoVariants("int4/tensor"));
    QVERIFY(driven.settles());
    auto* lab = driven.window.findChild<TensorLab*>();
    QVERIFY(!lab->histograms().empty());
    HistogramView* view = lab->histograms().front();
    QVERIFY(view->shownClip());
    QObject context;
    Seen seen;
    watch(driven.document, &context, seen);
    const double limit = view->shownClip()->upper;
    auto* canvas = view->findChild<QWidget*>(QString(), Qt::FindDirectChildrenOnly);
    // A limit beyond the axis is taken at the edge, where its arrow is.
    const QRect area = view->plotArea();
    const auto at = [&](double x) {
        const int column = qRound(view->positionOf(x, 1).x());
        return QPoint(std::clamp(column, area.left(), area.right()), area.center().y());
    };
    QTest::mousePress(canvas, Qt::LeftButton, {}, at(limit));
    for (int step = 0; step < kSteps || (seen.updates < kUpdates && step < kMostSteps); ++step) {
        QTest::mouseMove(canvas, at(limit * (1 - 0.006 * (step % kSteps))));
        QTest::qWait(16);
    }
    // Wherever the steps ended, the drag ends here.
    QTest::mouseMove(canvas, at(limit * 0.4));
    QTest::mouseRelease(canvas, Qt::LeftButton, {}, at(limit * 0.4));
    QVERIFY2(seen.updates >= kUpdates, qPrintable(QString::number(seen.updates)));
    QVERIFY(seen.ordered);
    QVERIFY(driven.settles());
    const auto last = driven.document.resultsOf<TensorResults>("tensor");
    QVERIFY(last->tier == Tier::Full);
    QCOMPARE(last->request, driven.document.experiment());
    const Scheme& scheme = last->request.variants[1].weights.scheme;
    QVERIFY(scheme.estimator == RangeEstimator::Manual);
    QVERIFY(scheme.manualHigh < 0.6 * limit);
    QCOMPARE(driven.document.undoStack()->count(), 1);
}

QTEST_MAIN(TestDriveDrag)
#include "test_drive_drag.moc"
