// SPDX-License-Identifier: GPL-3.0-or-later
#include "program/labs.h"

#include <functional>
#include <memory>

#include "app/experiment/matmul_part.h"
#include "app/experiment/model_part.h"
#include "app/experiment/tensor_part.h"
#include "labs/matmul_lab.h"
#include "labs/model_lab.h"
#include "labs/tensor_lab.h"
#include "shell/main_window.h"
#include "shell/session_controller.h"
#include "shell/variants_panel.h"
#include "theme/theme.h"

namespace quantscope {
namespace {

using Change = std::function<void(Experiment&)>;

/// Changes where a person looks in a lab.
template <class View, class ChangeView>
void look(SessionController& session, const ChangeView& change) {
    LabValues views = session.views();
    change(views.edit<View>());
    session.look(views);
}

void edit(SessionController& session, const QString& what, const Change& change, int drag = 0) {
    Experiment next = session.experiment();
    change(next);
    session.edit(next, EditOrigin{what, drag});
}

void clip(SessionController& session, int variant, double low, double high, int drag) {
    const auto& variants = session.experiment().variants;
    if (variant < 0 || variant >= static_cast<int>(variants.size()) || !(low < high)) return;
    edit(
        session, SessionController::tr("%1: clip limits").arg(variantLetter(variant)),
        [&](Experiment& experiment) {
            Scheme& scheme = experiment.variants[static_cast<size_t>(variant)].weights.scheme;
            scheme.estimator = RangeEstimator::Manual;
            scheme.manualLow = low;
            scheme.manualHigh = high;
        },
        drag);
}

void showWork(LabWidget* lab, const WorkState& work) {
    lab->setWork(work.busy, work.busy ? work.fraction : -1, work.secondsLeft, work.stage);
}

void addTensorLab(MainWindow& window, ThemeController& themes, SessionController& session) {
    auto* lab = new TensorLab(&themes);
    // The drag in progress on a clip limit; 0 between drags.
    const auto drag = std::make_shared<int>(0);
    QObject::connect(lab, &TensorLab::clipDragged, &session,
                     [&session, drag](int variant, double low, double high) {
                         if (*drag == 0) *drag = nextDrag();
                         clip(session, variant, low, high, *drag);
                     });
    QObject::connect(lab, &TensorLab::clipDragFinished, &session, [drag] { *drag = 0; });
    QObject::connect(lab, &TensorLab::clipRatioChosen, &session, [&session](int variant, double ratio) {
        const auto results = session.tensorResults();
        if (!results || !results->stage) return;
        const double limit = ratio * results->stage->report.extremes.absMax();
        clip(session, variant, -limit, limit, 0);
    });
    QObject::connect(lab, &TensorLab::focusVariantChosen, &session, [&session](int variant) {
        look<TensorView>(session, [variant](TensorView& view) { view.heatmapVariant = variant; });
    });
    QObject::connect(lab, &TensorLab::regionRequested, &session, [&session](const MatrixRegion& region) {
        look<TensorView>(session, [&region](TensorView& view) { view.heatmapRegion = region; });
    });
    QObject::connect(&session, &SessionController::tensorResultsChanged, lab, &TensorLab::showResults);
    QObject::connect(&session, &SessionController::workChanged, lab, [lab, &session](LabKind kind) {
        if (kind == LabKind::Tensor) showWork(lab, session.work(kind));
    });
    window.addLab(LabKind::Tensor, SessionController::tr("Tensor"),
                  SessionController::tr("One tensor, many schemes"), lab);
}

void addMatmulLab(MainWindow& window, ThemeController& themes, SessionController& session) {
    auto* lab = new MatmulLab(&themes);
    lab->setSamples(window.parts().samples);
    QObject::connect(lab, &MatmulLab::sourceChosen, &session, [&session](const MatmulSource& source) {
        edit(session, SessionController::tr("product"),
             [&source](Experiment& experiment) { experiment.edit<MatmulPart>().source = source; });
    });
    QObject::connect(lab, &MatmulLab::variantChosen, &session, [&session](int variant) {
        look<MatmulView>(session, [variant](MatmulView& view) { view.variant = variant; });
    });
    QObject::connect(lab, &MatmulLab::cellChosen, &session, [&session](qint64 row, qint64 channel) {
        look<MatmulView>(session, [row, channel](MatmulView& view) {
            view.row = row;
            view.channel = channel;
        });
    });
    QObject::connect(lab, &MatmulLab::stepChosen, &session, [&session](qint64 step) {
        look<MatmulView>(session, [step](MatmulView& view) { view.step = step; });
    });
    QObject::connect(lab, &MatmulLab::reluChosen, &session, [&session](bool relu) {
        edit(session, SessionController::tr("ReLU"),
             [relu](Experiment& experiment) { experiment.edit<MatmulPart>().relu = relu; });
    });
    QObject::connect(lab, &MatmulLab::measureRequested, &session,
                     [&session] { look<MatmulView>(session, [](MatmulView& view) { ++view.measurement; }); });
    QObject::connect(&session, &SessionController::matmulResultsChanged, lab, &MatmulLab::showResults);
    QObject::connect(&session, &SessionController::requestChanged, lab, &MatmulLab::setRequest);
    QObject::connect(&session, &SessionController::workChanged, lab, [lab, &session](LabKind kind) {
        if (kind == LabKind::Matmul) showWork(lab, session.work(kind));
    });
    lab->setRequest(session.request());
    window.addLab(LabKind::Matmul, SessionController::tr("Matmul"),
                  SessionController::tr("X W in integers, step by step and timed"), lab);
}

void addModelLab(MainWindow& window, ThemeController& themes, SessionController& session) {
    auto* lab = new ModelLab(&themes);
    QObject::connect(lab, &ModelLab::textChosen, &window, &MainWindow::openPath);
    QObject::connect(lab, &ModelLab::calibrationChosen, &session, [&session](const QString& path) {
        edit(session, SessionController::tr("calibration text"), [&path](Experiment& experiment) {
            experiment.model.calibrationPath = path.toStdString();
            experiment.model.calibrationFile.clear();
        });
    });
    // Statistics of one text beside another text would be refused: one of the two is in use.
    QObject::connect(lab, &ModelLab::calibrationFileChosen, &session, [&session](const QString& path) {
        edit(session, SessionController::tr("calibration statistics"), [&path](Experiment& experiment) {
            experiment.model.calibrationFile = path.toStdString();
            experiment.model.calibrationPath.clear();
        });
    });
    QObject::connect(lab, &ModelLab::resumeFolderChosen, &session, [&session](const QString& folder) {
        RunPlaces places = session.places();
        places.resumeFolder = folder.toStdString();
        session.setPlaces(places);
    });
    QObject::connect(lab, &ModelLab::saveCalibrationRequested, &window, &MainWindow::saveCalibrationTo);
    QObject::connect(lab, &ModelLab::chunksChosen, &session, [&session](int chunks) {
        edit(session, SessionController::tr("windows to score"), [chunks](Experiment& experiment) {
            experiment.edit<ModelPart>().evaluation.maxChunks = chunks;
        });
    });
    QObject::connect(lab, &ModelLab::protocolChosen, &session,
                     [&session](const EvaluationProtocol& protocol, const QString& what) {
                         edit(session, what, [&protocol](Experiment& experiment) {
                             experiment.edit<ModelPart>().evaluation = protocol;
                         });
                     });
    QObject::connect(lab, &ModelLab::evaluateRequested, &session, &SessionController::measureAgain);
    QObject::connect(lab, &ModelLab::cancelRequested, &session, &SessionController::cancel);
    QObject::connect(lab, &ModelLab::layerSelected, &session, [&session](const QString& layer) {
        look<ModelView>(session, [&layer](ModelView& view) { view.layer = layer.toStdString(); });
    });
    QObject::connect(lab, &ModelLab::layerVariantChosen, &session, [&session](int variant) {
        look<ModelView>(session, [variant](ModelView& view) { view.layerVariant = variant; });
    });
    QObject::connect(lab, &ModelLab::variantSelected, &window, [&window, &session](int variant) {
        window.variantsPanel()->openCard(variant);
        // The reference has no layer errors to show.
        if (variant == 0) return;
        look<ModelView>(session, [variant](ModelView& view) { view.layerVariant = variant; });
    });
    QObject::connect(&session, &SessionController::modelResultsChanged, lab, &ModelLab::showResults);
    QObject::connect(&session, &SessionController::requestChanged, lab, &ModelLab::setRequest);
    QObject::connect(&session, &SessionController::workChanged, lab, [lab, &session](LabKind kind) {
        if (kind == LabKind::Model) showWork(lab, session.work(kind));
    });
    lab->setRequest(session.request());
    window.addLab(LabKind::Model, SessionController::tr("Model"),
                  SessionController::tr("What quantization costs a language model"), lab);
}

}  // namespace

void addLabs(MainWindow& window, ThemeController& themes, SessionController& session) {
    addTensorLab(window, themes, session);
    addMatmulLab(window, themes, session);
    addModelLab(window, themes, session);
}

}  // namespace quantscope
