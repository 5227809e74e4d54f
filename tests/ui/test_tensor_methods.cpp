// SPDX-License-Identifier: GPL-3.0-or-later
// Every method, chosen in the window on a layer of the sample model: a result, and a picture of codes or the
// sentence that says why there is none.
#include <QComboBox>
#include <QMenu>
#include <QTest>

#include "driven_window.h"
#include "labs/inputs_button.h"
#include "labs/tensor_lab.h"
#include "labs/tensor_series.h"
#include "methods/registry.h"
#include "plots/four_panel_heatmap.h"
#include "shell/variant_card.h"
#include "shell/variants_panel.h"
#include "widgets/parameter_control.h"
#include "widgets/parameter_form.h"

using namespace quantscope;

namespace {

/// The smallest layer, and little calibration.
LabRequest layerRequest() {
    LabRequest request = DrivenWindow::sample(1);
    auto& part = request.experiment.edit<TensorPart>();
    part.matrix = TensorSource{request.experiment.model.modelPath, "model.layers.0.self_attn.k_proj.weight"};
    request.experiment.model.calibrationChunks = 1;
    request.experiment.variants = {request.experiment.variants.front(), parseVariant("int8").value()};
    request.views.edit<TensorView>().heatmapVariant = 1;
    return request;
}

}  // namespace

class TestUiTensorMethods : public QObject {
    Q_OBJECT
 private Q_SLOTS:
    void initTestCase() { m_driven = std::make_unique<DrivenWindow>(layerRequest()); }
    void cleanupTestCase() { m_driven.reset(); }

    void everyMethodIsShown_data() {
        QTest::addColumn<int>("index");
        int index = 0;
        for (const Method* method : allMethods()) QTest::newRow(method->info().name.c_str()) << index++;
    }
    void everyMethodIsShown() {
        QFETCH(int, index);
        const MethodInfo& info = allMethods()[static_cast<size_t>(index)]->info();
        m_driven->document.edit(layerRequest().experiment, {QStringLiteral("back"), 0});
        m_driven->window.showLab("tensor");
        m_driven->window.variantsPanel()->openCard(1);
        QVERIFY(m_driven->settles());
        ParameterControl* control =
            m_driven->window.variantsPanel()->card(1)->weightForm()->control("method");
        QVERIFY(control != nullptr);
        auto* box = control->findChild<QComboBox*>();
        QVERIFY(box != nullptr);
        QCOMPARE(box->count(), static_cast<int>(allMethods().size()));
        box->setCurrentIndex(index);
        Q_EMIT box->activated(index);
        QVERIFY(m_driven->settles(kLongSeconds));
        const Variant& chosen = m_driven->document.experiment().variants[1];
        QCOMPARE(chosen.weights.method, info.name);
        if (info.name != "rtn") {
            Variant bare = parseVariant(info.name).value();
            QCOMPARE(QString::fromStdString(variantText(chosen)), QString::fromStdString(variantText(bare)));
        }
        const auto results = m_driven->document.resultsOf<TensorResults>("tensor");
        QVERIFY(results && results->complete);
        const TensorVariantResult& variant = results->variants[1];
        QVERIFY2(!variant.error, variant.error ? variant.error->message.c_str() : "");
        QVERIFY(variant.report && variant.report->metrics.mse > 0);
        const auto* lab = m_driven->window.findChild<TensorLab*>();
        QVERIFY(lab != nullptr);
        const HeatmapSeries& codes = lab->heatmaps()->panel(FourPanelHeatmap::Codes)->series();
        const HeatmapSeries& values = lab->heatmaps()->panel(FourPanelHeatmap::Dequantized)->series();
        QVERIFY(!values.values.empty());
        QCOMPARE(codes.values.empty(), !variant.report->quantization.hasCodes());
        QCOMPARE(codes.sentence.isEmpty(), !codes.values.empty());
    }

    void inputsAreChosenBesideTheMatrix() {
        m_driven->document.edit(DrivenWindow::synthetic(kSmallMatrix), {QStringLiteral("synthetic"), 0});
        m_driven->document.edit({QStringLiteral("method"), 0}, [](Experiment& e) {
            e.variants = {e.variants.front(), parseVariant("gptq/int4/group=32").value()};
        });
        m_driven->window.showLab("tensor");
        QVERIFY(m_driven->settles());
        const auto failed = m_driven->document.resultsOf<TensorResults>("tensor");
        QVERIFY(failed && failed->variants[1].error);
        auto* button = m_driven->window.findChild<InputsButton*>();
        QVERIFY(button != nullptr);
        QVERIFY(button->text().startsWith(QStringLiteral("choose inputs")));
        for (QAction* action : button->menu()->actions())
            if (action->text() == QStringLiteral("Normal with outlier channels")) action->trigger();
        QVERIFY(m_driven->settles());
        const auto shown = m_driven->document.resultsOf<TensorResults>("tensor");
        QVERIFY(shown && !shown->variants[1].error && shown->variants[1].outputError > 0);
        QVERIFY(button->text().contains(QStringLiteral("outlier channels")));
        m_driven->document.undoStack()->undo();
        QVERIFY(m_driven->settles());
        QVERIFY(!m_driven->document.experiment().part<TensorPart>().inputs);
    }

 private:
    std::unique_ptr<DrivenWindow> m_driven;
};

QTEST_MAIN(TestUiTensorMethods)
#include "test_tensor_methods.moc"
