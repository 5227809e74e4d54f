// SPDX-License-Identifier: GPL-3.0-or-later
// Every choice of every control of a variant, through the window over the real engine: each answers.
#include <QAbstractButton>
#include <QComboBox>
#include <QLineEdit>
#include <QTest>

#include "driven_window.h"
#include "shell/parameter_control.h"
#include "shell/parameter_form.h"
#include "shell/tick_slider.h"
#include "shell/variant_card.h"
#include "shell/variant_parameters.h"
#include "shell/variants_panel.h"

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
        for (int step = 0, count = stepsOf(*control); step < count; ++step, ++steps) {
            const QString where =
                QStringLiteral("%1 step %2").arg(QString::fromStdString(info.key)).arg(step);
            if (step > 0 && !form->control(info.key)->findChild<TickSlider*>()) {
                driven.session.edit(first, {QStringLiteral("back"), 0});
                QCoreApplication::processEvents();
            }
            takeStep(*form->control(info.key), step);
            QVERIFY2(driven.settles(), qPrintable(where));
            const QString missing = unanswered(driven.session);
            QVERIFY2(missing.isEmpty(), qPrintable(where + QStringLiteral(": ") + missing));
        }
        driven.session.edit(first, {QStringLiteral("back"), 0});
        QCoreApplication::processEvents();
    }
    QVERIFY(steps >= (activations ? 5 : 20));
    QVERIFY(driven.settles());
    while (driven.session.undoStack()->canUndo()) driven.session.undoStack()->undo();
    QCOMPARE(driven.session.experiment(), first);
    driven.session.undoStack()->redo();
    QVERIFY(!(driven.session.experiment() == first));
}

QTEST_MAIN(TestDriveControls)
#include "test_drive_controls.moc"
