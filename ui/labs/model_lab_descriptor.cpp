// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/experiment/model_part.h"
#include "labs/lab_descriptors.h"
#include "labs/model_lab.h"
#include "widgets/document.h"

namespace quantscope {
namespace {

void connectCalibration(ModelLab* lab, Document* document) {
    const auto onModel = [document](const QString& what, const auto& change) {
        document->edit({what, 0}, [&](Experiment& experiment) { change(experiment.model); });
    };
    // Statistics of one text beside another text would be refused: one of the two is in use.
    QObject::connect(lab, &ModelLab::calibrationChosen, document, [onModel](const QString& path) {
        onModel(ModelLab::tr("calibration text"), [&path](ModelSource& model) {
            model.calibrationPath = path.toStdString();
            model.calibrationFile.clear();
        });
    });
    QObject::connect(lab, &ModelLab::calibrationFileChosen, document, [onModel](const QString& path) {
        onModel(ModelLab::tr("calibration statistics"), [&path](ModelSource& model) {
            model.calibrationFile = path.toStdString();
            model.calibrationPath.clear();
        });
    });
    QObject::connect(lab, &ModelLab::resumeFolderChosen, document, [document](const QString& folder) {
        RunPlaces places = document->places();
        places.resumeFolder = folder.toStdString();
        document->setPlaces(places);
    });
}

void connectViews(ModelLab* lab, Document* document, LabHost* host) {
    QObject::connect(lab, &ModelLab::layerSelected, document, [document](const QString& layer) {
        document->look<ModelView>([&layer](ModelView& view) { view.layer = layer.toStdString(); });
    });
    const auto showVariant = [document](int variant) {
        document->look<ModelView>([variant](ModelView& view) { view.layerVariant = variant; });
    };
    QObject::connect(lab, &ModelLab::layerVariantChosen, document, showVariant);
    QObject::connect(lab, &ModelLab::variantSelected, document, [host, showVariant](int variant) {
        if (host) host->openVariant(variant);
        if (variant != 0) showVariant(variant);  // the reference has no layer errors to show
    });
}

void markOutliers(const LabResults& shown, LabHost& host) {
    const auto* results = dynamic_cast<const ModelResults*>(&shown);
    if (!results || !results->outliers) return;
    std::set<std::string> names;
    for (const LayerOutliers& layer : results->outliers->layers)
        if (layer.frequentChannels > 0) names.insert(layer.layer);
    host.markLayers(names);
}

QWidget* make(const LabContext& context) {
    Document* document = context.document;
    LabHost* host = context.host;
    auto* lab = new ModelLab(context.themes);
    lab->follow(*document, ModelPart::kLab);
    connectCalibration(lab, document);
    connectViews(lab, document, host);
    QObject::connect(lab, &ModelLab::chunksChosen, document, [document](int chunks) {
        document->edit({ModelLab::tr("windows to score"), 0}, [chunks](Experiment& experiment) {
            experiment.edit<ModelPart>().evaluation.maxChunks = chunks;
        });
    });
    QObject::connect(lab, &ModelLab::protocolChosen, document,
                     [document](const EvaluationProtocol& protocol, const QString& what) {
                         document->edit({what, 0}, [&protocol](Experiment& experiment) {
                             experiment.edit<ModelPart>().evaluation = protocol;
                         });
                     });
    QObject::connect(lab, &ModelLab::evaluateRequested, document, &Document::measureAgain);
    QObject::connect(lab, &ModelLab::cancelRequested, document, &Document::cancel);
    if (!host) return lab;
    QObject::connect(lab, &ModelLab::textChosen, lab, [host](const QString& path) { host->openPath(path); });
    QObject::connect(lab, &ModelLab::saveCalibrationRequested, lab,
                     [host](const QString& path) { host->saveCalibrationTo(path); });
    QObject::connect(
        document, &Document::resultsChanged, lab,
        [host](const std::string&, const std::shared_ptr<const LabResults>& r) { markOutliers(*r, *host); });
    return lab;
}

}  // namespace

LabDescriptor modelLabDescriptor() {
    LabDescriptor lab;
    lab.id = ModelPart::kLab;
    lab.title = ModelLab::tr("Model");
    lab.tip = ModelLab::tr("What quantization costs a language model");
    lab.make = make;
    lab.currentVariant = [](const LabValues& views) { return views.get<ModelView>().layerVariant; };
    lab.showsModels = true;
    return lab;
}

}  // namespace quantscope
