// SPDX-License-Identifier: GPL-3.0-or-later
// Rule, window length and stride of the evaluation, chosen in the Model lab: edits that are undone.
#include <QTest>

#include "app/experiment/model_part.h"
#include "app/experiment/protocol_text.h"
#include "driven_window.h"
#include "labs/lab_widget.h"
#include "labs/model_lab.h"
#include "labs/protocol_panel.h"

using namespace quantscope;

namespace {

void choose(HeaderChoice* choice, int index) {
    choice->setCurrentIndex(index);
    Q_EMIT choice->activated(index);
}

}  // namespace

class TestDriveProtocol : public QObject {
    Q_OBJECT

 private slots:
    void protocolIsChosenAndUndone() {
        LabRequest request = DrivenWindow::sample(1);
        Experiment& experiment = request.experiment;
        experiment.edit<ModelPart>().layerTokens = 0;
        DrivenWindow driven(request);
        driven.window.showLab("model");
        auto* panel = driven.window.findChild<ProtocolPanel*>();
        QVERIFY(panel != nullptr);
        const auto now = [&] { return driven.document.experiment().part<ModelPart>().evaluation; };
        const auto says = [&] {
            return panel->sentence() == QString::fromStdString(protocolSentence(
                                            now(), experiment.model.textPath, experiment.variants.size()));
        };
        QVERIFY(says() && !panel->stride()->isVisible());

        choose(panel->windowLength(), panel->windowLength()->findData(128));
        QCOMPARE(now().window, 128);
        QVERIFY(says());
        choose(panel->rule(), static_cast<int>(WindowRule::Sliding));
        QVERIFY(now().rule == WindowRule::Sliding);
        // Never beyond the window, which would leave tokens out.
        QCOMPARE(now().stride, 128);
        QVERIFY(says() && panel->stride()->isVisible());
        choose(panel->stride(), panel->stride()->findData(32));
        QCOMPARE(now().stride, 32);
        QCOMPARE(panel->stride()->currentData().toInt(), 32);
        QVERIFY(driven.settles(kLongSeconds));

        QCOMPARE(driven.document.undoStack()->count(), 3);
        driven.document.undoStack()->undo();
        driven.document.undoStack()->undo();
        QVERIFY(now().rule == WindowRule::LlamaCpp);
        QVERIFY(says() && !panel->stride()->isVisible());
        driven.document.undoStack()->undo();
        QCOMPARE(now().window, 512);
        QCOMPARE(panel->windowLength()->currentData().toInt(), 512);
    }

    /// What a session or the command line asked for stands among the usual choices.
    void unusualLengthsAreOffered() {
        ProtocolPanel panel;
        Experiment experiment;
        experiment.edit<ModelPart>().evaluation.window = 300;
        experiment.edit<ModelPart>().evaluation.stride = 77;
        panel.setRequest(experiment);
        QCOMPARE(panel.windowLength()->currentData().toInt(), 300);
        QCOMPARE(panel.windowLength()->findData(300), 2);
        QCOMPARE(panel.stride()->currentData().toInt(), 77);
    }
};

QTEST_MAIN(TestDriveProtocol)
#include "test_drive_protocol.moc"
