// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/experiment/matmul_choices.h"
#include "labs/lab_descriptors.h"
#include "labs/matmul_lab.h"
#include "widgets/document.h"

namespace quantscope {
namespace {

QWidget* make(const LabContext& context) {
    Document* document = context.document;
    auto* lab = new MatmulLab(context.themes);
    lab->setSamples(context.samples);
    lab->follow(*document, MatmulPart::kLab);
    QObject::connect(lab, &MatmulLab::sourceChosen, document, [document](const MatmulSource& source) {
        document->edit({MatmulLab::tr("product"), 0},
                       [&](Experiment& experiment) { experiment.edit<MatmulPart>().source = source; });
    });
    QObject::connect(lab, &MatmulLab::variantChosen, document, [document](int variant) {
        document->look<MatmulView>([variant](MatmulView& view) { view.variant = variant; });
    });
    QObject::connect(lab, &MatmulLab::cellChosen, document, [document](qint64 row, qint64 channel) {
        document->look<MatmulView>([row, channel](MatmulView& view) {
            view.row = row;
            view.channel = channel;
        });
    });
    QObject::connect(lab, &MatmulLab::stepChosen, document, [document](qint64 step) {
        document->look<MatmulView>([step](MatmulView& view) { view.step = step; });
    });
    QObject::connect(lab, &MatmulLab::reluChosen, document, [document](bool relu) {
        document->edit({MatmulLab::tr("ReLU"), 0},
                       [relu](Experiment& experiment) { experiment.edit<MatmulPart>().relu = relu; });
    });
    QObject::connect(lab, &MatmulLab::measureRequested, document, [document] {
        document->look<MatmulView>([](MatmulView& view) { ++view.measurement; });
    });
    return lab;
}

}  // namespace

LabDescriptor matmulLabDescriptor() {
    LabDescriptor lab;
    lab.id = MatmulPart::kLab;
    lab.title = MatmulLab::tr("Matmul");
    lab.tip = MatmulLab::tr("X W in integers, step by step and timed");
    lab.make = make;
    lab.variants = [](Experiment& e) -> std::vector<Variant>& { return e.edit<MatmulPart>().products; };
    lab.source = [](const Experiment& e) { return e.part<MatmulPart>().source.w; };
    lab.chooseSource = [](Experiment& e, const MatrixSource& chosen, std::span<const LinearInfo> layers) {
        MatmulSource& source = e.edit<MatmulPart>().source;
        source = withChosen(source, chosen, e.model, layers);
    };
    lab.currentVariant = [](const LabValues& views) { return views.get<MatmulView>().variant; };
    return lab;
}

}  // namespace quantscope
