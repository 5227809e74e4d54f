// SPDX-License-Identifier: GPL-3.0-or-later
#include <memory>

#include "app/experiment/tensor_part.h"
#include "labs/lab_descriptors.h"
#include "labs/tensor_lab.h"
#include "theme/theme.h"
#include "widgets/document.h"

namespace quantscope {
namespace {

void clip(Document& document, int variant, double low, double high, int drag) {
    const auto& variants = document.experiment().variants;
    if (variant < 0 || variant >= static_cast<int>(variants.size()) || !(low < high)) return;
    document.edit({TensorLab::tr("%1: clip limits").arg(variantLetter(variant)), drag},
                  [&](Experiment& experiment) {
                      Scheme& scheme = experiment.variants[static_cast<size_t>(variant)].weights.scheme;
                      scheme.estimator = RangeEstimator::Manual;
                      scheme.manualLow = low;
                      scheme.manualHigh = high;
                  });
}

QWidget* make(const LabContext& context) {
    Document* document = context.document;
    auto* lab = new TensorLab(context.themes);
    lab->follow(*document, TensorPart::kLab);
    // The drag in progress on a clip limit; 0 between drags.
    const auto drag = std::make_shared<int>(0);
    QObject::connect(lab, &TensorLab::clipDragged, document,
                     [document, drag](int variant, double low, double high) {
                         if (*drag == 0) *drag = nextDrag();
                         clip(*document, variant, low, high, *drag);
                     });
    QObject::connect(lab, &TensorLab::clipDragFinished, document, [drag] { *drag = 0; });
    QObject::connect(lab, &TensorLab::clipRatioChosen, document, [document](int variant, double ratio) {
        const auto results = document->resultsOf<TensorResults>(TensorPart::kLab);
        if (!results || !results->stage) return;
        const double limit = ratio * results->stage->report.extremes.absMax();
        clip(*document, variant, -limit, limit, 0);
    });
    QObject::connect(lab, &TensorLab::inputsChosen, document, [document](const ChosenInputs& chosen) {
        document->edit({TensorLab::tr("inputs"), 0}, [&chosen](Experiment& experiment) {
            experiment.edit<TensorPart>().inputs = chosen.source;
        });
    });
    QObject::connect(lab, &TensorLab::focusVariantChosen, document, [document](int variant) {
        document->look<TensorView>([variant](TensorView& view) { view.heatmapVariant = variant; });
    });
    QObject::connect(lab, &TensorLab::regionRequested, document, [document](const MatrixRegion& region) {
        document->look<TensorView>([&region](TensorView& view) { view.heatmapRegion = region; });
    });
    return lab;
}

}  // namespace

LabDescriptor tensorLabDescriptor() {
    LabDescriptor lab;
    lab.id = TensorPart::kLab;
    lab.title = TensorLab::tr("Tensor");
    lab.tip = TensorLab::tr("One tensor, many schemes");
    lab.make = make;
    lab.source = [](const Experiment& e) { return e.part<TensorPart>().matrix; };
    lab.chooseSource = [](Experiment& e, const MatrixSource& chosen, std::span<const LinearInfo>) {
        e.edit<TensorPart>().matrix = chosen;
    };
    lab.currentVariant = [](const LabValues& views) { return views.get<TensorView>().heatmapVariant; };
    return lab;
}

}  // namespace quantscope
