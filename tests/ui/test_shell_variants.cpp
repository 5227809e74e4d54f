// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QLineEdit>
#include <QSignalSpy>
#include <QTest>

#include "app/experiment/experiment.h"
#include "methods/interface/method.h"
#include "methods/interface/recipe_editing.h"
#include "methods/registry.h"
#include "shell/variant_card.h"
#include "shell/variants_panel.h"
#include "theme/elided_combo_box.h"
#include "theme/theme_controller.h"
#include "widgets/parameter_control.h"
#include "widgets/parameter_form.h"
#include "widgets/tick_slider.h"

using namespace quantscope;

class TestShellVariants : public QObject {
    Q_OBJECT
 private Q_SLOTS:
    void everyChoiceOfEveryControlIsAcceptedOrRefusedWithAReason();
    void aDragReportsEachPositionUnderOneNumber();
    void refusedValueStaysWithItsReason();
    void addDuplicateMoveRemove();
    void copyAndPasteAsText();
    void activationsHaveTheirOwnSection();
    void aMethodChosenInThePanelIsItsTextForm();
    void aRecipeThatCannotWorkSaysWhyAtItsControl();
    void controlsOfEveryMethodFitTheNarrowestPanel();
    void chosenTextThatIsTooLongEndsInAnEllipsis();
};

namespace {

struct Panel {
    ThemeController themes;
    VariantsPanel panel{&themes};
    Panel() {
        panel.setVariants(defaultVariants());
        panel.resize(280, 900);
        panel.show();
    }
};

Variant parsed(const char* text) {
    return parseVariant(text).value();
}

}  // namespace

void TestShellVariants::everyChoiceOfEveryControlIsAcceptedOrRefusedWithAReason() {
    Panel fixture;
    fixture.panel.openCard(3);
    const Variant original = fixture.panel.variants()[3];
    int accepted = 0;
    for (const ParameterInfo& info : weightParameters(original)) {
        fixture.panel.card(3)->setVariant(3, original);
        QVERIFY2(fixture.panel.card(3)->weightForm()->control(info.key), info.key.c_str());
        for (const ParameterChoice& choice : info.choices) {
            const auto changed = withWeightParameter(original, info.key, choice.value);
            if (!changed) {
                QVERIFY2(!changed.error().message.empty(), choice.value.c_str());
                continue;
            }
            ++accepted;
            fixture.panel.card(3)->setVariant(3, *changed);
            for (const ParameterInfo& next : weightParameters(*changed)) {
                QVERIFY2(fixture.panel.card(3)->weightForm()->control(next.key), next.key.c_str());
            }
        }
    }
    QVERIFY(accepted > 20);
}

void TestShellVariants::aDragReportsEachPositionUnderOneNumber() {
    Panel fixture;
    fixture.panel.openCard(3);
    QSignalSpy spy(&fixture.panel, &VariantsPanel::edited);
    auto* slider = fixture.panel.card(3)->weightForm()->control("bits")->findChild<TickSlider*>();
    QVERIFY(slider);
    QTRY_VERIFY_WITH_TIMEOUT(slider->width() > 60, 120000);
    const QPoint left(9, 9);
    const QPoint right(slider->width() - 9, 9);
    QTest::mousePress(slider, Qt::LeftButton, {}, left);
    for (int x = left.x(); x <= right.x(); x += 4) QTest::mouseMove(slider, QPoint(x, 9));
    QTest::mouseRelease(slider, Qt::LeftButton, {}, right);
    QVERIFY(spy.size() >= 4);
    const int drag = spy.first().at(1).value<EditOrigin>().drag;
    QVERIFY(drag != 0);
    for (const auto& call : spy) QCOMPARE(call.at(1).value<EditOrigin>().drag, drag);
    spy.clear();
    QTest::keyClick(slider, Qt::Key_Home);
    QCOMPARE(spy.size(), 1);
    QCOMPARE(spy.first().at(1).value<EditOrigin>().drag, 0);
    QCOMPARE(fixture.panel.variants()[3].weights.scheme.bits, 2);
}

void TestShellVariants::refusedValueStaysWithItsReason() {
    Panel fixture;
    fixture.panel.openCard(3);
    ParameterForm* form = fixture.panel.card(3)->weightForm();
    const auto before = fixture.panel.variants();
    ParameterControl* control = form->control("group-size");
    QVERIFY(control);
    Q_EMIT control->edited("-5", 0);
    QVERIFY(!form->error("group-size").isEmpty());
    QVERIFY(fixture.panel.variants() == before);
    Q_EMIT control->edited("32", 0);
    QVERIFY(form->error("group-size").isEmpty());
    QCOMPARE(fixture.panel.variants()[3].weights.scheme.groupSize, int64_t{32});
}

void TestShellVariants::addDuplicateMoveRemove() {
    Panel fixture;
    QSignalSpy refused(&fixture.panel, &VariantsPanel::refused);
    const auto before = fixture.panel.variants();
    fixture.panel.duplicate(1);
    QCOMPARE(fixture.panel.variants().size(), before.size() + 1);
    QVERIFY(fixture.panel.variants()[2] == before[1]);
    fixture.panel.move(2, 1);
    fixture.panel.addVariant();
    QCOMPARE(fixture.panel.variants().size(), size_t{kMaxVariants});
    fixture.panel.duplicate(0);
    QCOMPARE(refused.size(), 1);
    while (fixture.panel.variants().size() > 2) fixture.panel.remove(1);
    fixture.panel.remove(1);
    QCOMPARE(fixture.panel.variants().size(), size_t{2});
    QCOMPARE(refused.size(), 2);
}

void TestShellVariants::copyAndPasteAsText() {
    Panel fixture;
    QSignalSpy refused(&fixture.panel, &VariantsPanel::refused);
    fixture.panel.copyText(3);
    fixture.panel.pasteText(1);
    QVERIFY(fixture.panel.variants()[1] == fixture.panel.variants()[3]);
    QApplication::clipboard()->setText(QStringLiteral("int3; int5/affine/group=32"));
    fixture.panel.pasteText(1);
    QVERIFY(fixture.panel.variants()[1] == parsed("int3"));
    QVERIFY(fixture.panel.variants()[2] == parsed("int5/affine/group=32"));
    const auto before = fixture.panel.variants();
    QApplication::clipboard()->setText(QStringLiteral("no such scheme"));
    fixture.panel.pasteText(0);
    QVERIFY(fixture.panel.variants() == before);
    QCOMPARE(refused.size(), 1);
}

void TestShellVariants::activationsHaveTheirOwnSection() {
    Variant variant = parsed("int8");
    QCOMPARE(activationParameters(variant).size(), size_t{1});
    variant = withActivationParameter(variant, "activations", "true").value();
    QVERIFY(variant.activations.has_value());
    QVERIFY(variant.activations->scheme.granularity == Granularity::Token);
    variant = withActivationParameter(variant, "activation-range", "static").value();
    QVERIFY(variant.activations->isStatic);
    variant = withActivationParameter(variant, "bits", "4").value();
    QCOMPARE(variant.activations->scheme.bits, 4);
    QCOMPARE(variant.weights.scheme.bits, 8);
    QVERIFY(!withActivationParameter(variant, "activations", "false")->activations);
}

void TestShellVariants::aMethodChosenInThePanelIsItsTextForm() {
    Panel fixture;
    for (const Method* method : allMethods()) {
        const QString name = QString::fromStdString(method->info().name);
        fixture.panel.setVariants({parsed("float"), parsed("rtn"), parsed("int3/group=64")});
        for (const int index : {1, 2}) {
            fixture.panel.openCard(index);
            ParameterControl* control = fixture.panel.card(index)->weightForm()->control("method");
            QVERIFY(control);
            auto* box = control->findChild<QComboBox*>();
            QVERIFY(box);
            const int choice = box->findData(name);
            QVERIFY2(choice >= 0, qPrintable(name));
            box->setCurrentIndex(choice);
            Q_EMIT box->activated(choice);
            QVERIFY(fixture.panel.card(index)->weightForm()->error("method").isEmpty());
        }
        QVERIFY2(fixture.panel.variants()[1] == parsed(method->info().name.c_str()), qPrintable(name));
        const Variant& touched = fixture.panel.variants()[2];
        if (name == "gptq") QVERIFY(touched == parsed("gptq/int3/group=64"));
        QVERIFY2(!objectionTo(touched), qPrintable(name));
    }
}

void TestShellVariants::aRecipeThatCannotWorkSaysWhyAtItsControl() {
    Panel fixture;
    fixture.panel.setVariants({parsed("float"), parsed("hqq/int4/symmetric")});
    fixture.panel.openCard(1);
    ParameterForm* form = fixture.panel.card(1)->weightForm();
    QVERIFY(form->error("mapping").contains("fractional zero point"));
    auto* box = form->control("mapping")->findChild<QComboBox*>();
    const int affine = box->findData(QStringLiteral("affine"));
    box->setCurrentIndex(affine);
    Q_EMIT box->activated(affine);
    QVERIFY(!objectionTo(fixture.panel.variants()[1]));
    QVERIFY(!form->control("mapping"));  // one choice is left
}

void TestShellVariants::controlsOfEveryMethodFitTheNarrowestPanel() {
    Panel fixture;
    fixture.panel.resize(fixture.panel.minimumWidth(), 2000);  // no scroll bar: its width is the style's
    fixture.panel.openCard(3);
    for (const Method* method : allMethods()) {
        fixture.panel.card(3)->setVariant(3, parsed(method->info().name.c_str()));
        QCoreApplication::processEvents();
        const QWidget* inside = fixture.panel.card(3)->parentWidget();
        QVERIFY2(inside->width() <= inside->parentWidget()->width(), method->info().name.c_str());
    }
}

void TestShellVariants::chosenTextThatIsTooLongEndsInAnEllipsis() {
    ElidedComboBox box;
    box.addItem(QStringLiteral("range of the least mean squared error of the outputs"));
    box.resize(140, 28);
    const QString cut = box.shownText();
    QVERIFY(cut.endsWith(QChar(0x2026)));
    QVERIFY(cut.size() > 3);
    QVERIFY(box.fontMetrics().horizontalAdvance(cut) < box.width());
    box.resize(900, 28);
    QCOMPARE(box.shownText(), box.currentText());
}

QTEST_MAIN(TestShellVariants)
#include "test_shell_variants.moc"
