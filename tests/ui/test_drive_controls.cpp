// SPDX-License-Identifier: GPL-3.0-or-later
// Every choice of every control of a variant, through the window over the real engine: each answers.
#include <QAbstractButton>
#include <QComboBox>
#include <QLineEdit>
#include <QMenu>
#include <QTest>

#include "driven_window.h"
#include "methods/interface/recipe_editing.h"
#include "shell/jobs_strip.h"
#include "shell/kernel_chooser.h"
#include "shell/variant_card.h"
#include "shell/variants_panel.h"
#include "widgets/parameter_control.h"
#include "widgets/parameter_form.h"
#include "widgets/tick_slider.h"

using namespace quantscope;

namespace {

/// What a person can do to one control, in steps; each leaves another value in it.
int stepsOf(const ParameterControl& control) {
    if (const auto* slider = control.findChild<TickSlider*>()) return std::min(slider->count(), 12);
    if (const auto* box = control.findChild<QComboBox*>()) return box->count();
    return 2;
}

void takeStep(ParameterControl& control, int step) {
    if (auto* slider = control.findChild<TickSlider*>()) {
        QTest::keyClick(slider, step == 0 ? Qt::Key_Home : Qt::Key_Right);
    } else if (auto* box = control.findChild<QComboBox*>()) {
        box->setCurrentIndex(step);
        Q_EMIT box->activated(step);
    } else if (auto* check = control.findChild<QAbstractButton*>()) {
        check->click();
    } else if (auto* field = control.findChild<QLineEdit*>()) {
        field->setFocus();
        field->selectAll();
        QTest::keyClicks(field, step == 0 ? QStringLiteral("0.5") : QStringLiteral("nonsense"));
        QTest::keyClick(field, Qt::Key_Return);
    }
}

}  // namespace

class TestDriveControls : public QObject {
    Q_OBJECT
 private Q_SLOTS:
    void everyChoiceOfEveryControlAnswers_data();
    void everyChoiceOfEveryControlAnswers();
    void kernelsAreChosenInTheWindow();
};

void TestDriveControls::everyChoiceOfEveryControlAnswers_data() {
    QTest::addColumn<QString>("start");
    QTest::addColumn<bool>("activations");
    QTest::newRow("affine groups") << QStringLiteral("int4/affine/group=32") << false;
    QTest::newRow("symmetric channel") << QStringLiteral("int8") << false;
    QTest::newRow("clipped tensor") << QStringLiteral("int4/tensor/mse") << false;
    QTest::newRow("activations") << QStringLiteral("int8") << true;
}

void TestDriveControls::everyChoiceOfEveryControlAnswers() {
    QFETCH(QString, start);
    QFETCH(bool, activations);
    Experiment first = DrivenWindow::synthetic(kSmallMatrix);
    auto variant = parseVariant(start.toStdString());
    QVERIFY(variant.has_value());
    if (activations) variant = withActivationParameter(*variant, "activations", "true");
    first.variants = {first.variants.front(), *variant};
    DrivenWindow driven(first, false, QSize(960, 600));
    driven.window.variantsPanel()->openCard(1);
    QVERIFY(driven.settles());
    VariantCard* card = driven.window.variantsPanel()->card(1);
    ParameterForm* form = activations ? card->activationForm() : card->weightForm();
    int steps = 0;
    const auto parameters = activations ? activationParameters(*variant) : weightParameters(*variant);
    for (const ParameterInfo& info : parameters) {
        ParameterControl* control = form->control(info.key);
        QVERIFY2(control, info.key.c_str());
        const bool slides = control->findChild<TickSlider*>() != nullptr;
        for (int step = 0, count = stepsOf(*control); step < count; ++step, ++steps) {
            const QString where =
                QStringLiteral("%1 step %2").arg(QString::fromStdString(info.key)).arg(step);
            // A choice may take its own control away: float has no format's bits.
            if (step > 0 && !slides) {
                driven.document.edit(first, {QStringLiteral("back"), 0});
                QCoreApplication::processEvents();
            }
            QVERIFY2(form->control(info.key), qPrintable(where));
            takeStep(*form->control(info.key), step);
            QVERIFY2(driven.settles(), qPrintable(where));
            const QString missing = unanswered(driven.document);
            QVERIFY2(missing.isEmpty(), qPrintable(where + QStringLiteral(": ") + missing));
        }
        driven.document.edit(first, {QStringLiteral("back"), 0});
        QCoreApplication::processEvents();
    }
    QVERIFY(steps >= (activations ? 5 : 20));
    QVERIFY(driven.settles());
    while (driven.document.undoStack()->canUndo()) driven.document.undoStack()->undo();
    QCOMPARE(driven.document.experiment(), first);
    driven.document.undoStack()->redo();
    QVERIFY(!(driven.document.experiment() == first));
}

void TestDriveControls::kernelsAreChosenInTheWindow() {
    DrivenWindow driven(DrivenWindow::sample(1));
    driven.window.showLab("model");
    QVERIFY(driven.settles());
    KernelChooser* chooser = driven.window.jobs()->kernelChooser();
    QVERIFY(DrivenWindow::waitUntil([&] { return chooser->isSettled(); }));
    const QList<QAction*> actions = chooser->menu()->actions();
    QCOMPARE(static_cast<size_t>(actions.size()), driven.kernels.choices().size());
    const auto before = driven.document.resultsOf<ModelResults>("model");

    // Another one that runs; the plain reference, which takes its time, only where there is nothing else.
    QAction* other = nullptr;
    for (QAction* action : actions)
        if (action->isEnabled() && !action->isChecked() && !other) other = action;
    if (!other) QSKIP("this machine runs one table only");
    const std::string name = other->data().toString().toStdString();
    other->trigger();
    QVERIFY(DrivenWindow::waitUntil([&] { return chooser->isSettled(); }));
    QCOMPARE(chooser->text(), QStringLiteral("kernels: ") + QString::fromStdString(name));
    QCOMPARE(std::string(driven.kernels.active().name), name);
    QVERIFY(driven.settles());
    const auto after = driven.document.resultsOf<ModelResults>("model");
    QVERIFY(after != before);
    // Another sum's order moves the last digits only.
    for (size_t i = 0; i < before->evaluation.variants.size(); ++i) {
        const double was = before->evaluation.variants[i].perplexity;
        QVERIFY(std::abs(after->evaluation.variants[i].perplexity - was) < 1e-3 * was);
    }

    // What cannot be opened leaves the active kernels and says why.
    chooser->choose(QStringLiteral("cuda:63"));
    QVERIFY(DrivenWindow::waitUntil([&] { return !driven.window.messageBar()->text().isEmpty(); }));
    QCOMPARE(std::string(driven.kernels.active().name), name);
}

QTEST_MAIN(TestDriveControls)
#include "test_drive_controls.moc"
