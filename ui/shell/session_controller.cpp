// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/session_controller.h"

#include <QUndoCommand>
#include <algorithm>
#include <functional>
#include <type_traits>

#include "base/thread_priority.h"

namespace quantscope {
namespace {

constexpr int kThrottleMs = 16;

/// Lanes use every core and give way to the GUI thread whenever it has something to do, and those that work
/// for minutes to those that follow a drag. A core kept free for the GUI thread would be half of a small
/// machine.
std::function<void()> atPriority(ThreadPriority priority) {
    return [priority] { setPriorityOfCaller(priority); };
}

bool hasMatrix(const Experiment& experiment) {
    const auto* tensor = std::get_if<TensorSource>(&experiment.matrix);
    return !tensor || !tensor->path.empty();
}

bool hasProduct(const Experiment& experiment) {
    const auto* tensor = std::get_if<TensorSource>(&experiment.matmul.x);
    return !tensor || !tensor->path.empty();
}

/// The step k is only looked at.
bool sameForMatmul(const Experiment& a, const Experiment& b) {
    MatmulProtocol protocol = b.matmulProtocol;
    protocol.step = a.matmulProtocol.step;
    return a.matmul == b.matmul && a.model == b.model && a.products == b.products &&
           a.matmulProtocol == protocol;
}

bool sameForTensor(const Experiment& a, const Experiment& b) {
    return a.matrix == b.matrix && a.model == b.model && a.variants == b.variants &&
           a.tensorProtocol == b.tensorProtocol;
}

bool sameForModel(const Experiment& a, const Experiment& b) {
    return a.model == b.model && a.variants == b.variants && a.modelProtocol == b.modelProtocol;
}

/// What a lab shows when its lane's work threw: the request and why it has no answer.
template <class Results>
std::shared_ptr<Results> failedResults(const Experiment& request, uint64_t sequence, const Error& error) {
    auto results = std::make_shared<Results>();
    results->request = request;
    results->sequence = sequence;
    results->error = error;
    return results;
}

}  // namespace

/// Holds the document before and after, and swaps them. Edits of one drag merge into one command.
class ExperimentCommand : public QUndoCommand {
 public:
    ExperimentCommand(SessionController& session, Experiment before, Experiment after, EditOrigin origin)
        : QUndoCommand(origin.control),
          m_session(session),
          m_before(std::move(before)),
          m_after(std::move(after)),
          m_origin(std::move(origin)) {}

    void undo() override { m_session.restore(m_before); }
    void redo() override { m_session.restore(m_after); }
    [[nodiscard]] int id() const override { return m_origin.drag != 0 ? 1 : -1; }
    bool mergeWith(const QUndoCommand* command) override {
        const auto* next = static_cast<const ExperimentCommand*>(command);
        if (!m_origin.mergesWith(next->m_origin)) return false;
        m_after = next->m_after;
        return true;
    }

 private:
    SessionController& m_session;
    Experiment m_before;
    Experiment m_after;
    EditOrigin m_origin;
};

SessionController::SessionController(Engine engine, Experiment initial, QObject* parent)
    : QObject(parent), m_engine(std::move(engine)), m_experiment(std::move(initial)) {
    m_throttle.setSingleShot(true);
    connect(&m_throttle, &QTimer::timeout, this, &SessionController::submit);

    const auto post = [this](auto&& call) {
        QMetaObject::invokeMethod(this, std::forward<decltype(call)>(call), Qt::QueuedConnection);
    };
    const auto failed = [this, post]<class Results>(LabKind lab, std::type_identity<Results>) {
        return [this, post, lab](const Experiment& request, uint64_t sequence, const Error& error) {
            const std::shared_ptr<const Results> results = failedResults<Results>(request, sequence, error);
            post([this, lab, sequence, results] {
                receive(results);
                finished(lab, sequence);
            });
        };
    };
    m_tensor.lane = std::make_unique<LatestLane<Experiment>>(
        [this, post](const Experiment& request, uint64_t sequence, std::stop_token refine) {
            m_engine.tensor(
                request, sequence, std::move(refine),
                [this, post](const std::shared_ptr<const TensorResults>& results) {
                    post([this, results] { receive(results); });
                },
                [this, post, sequence](const Progress& progress) {
                    post([this, sequence, progress] { this->progress(LabKind::Tensor, sequence, progress); });
                });
            post([this, sequence] { finished(LabKind::Tensor, sequence); });
        },
        failed(LabKind::Tensor, std::type_identity<TensorResults>{}),
        atPriority(ThreadPriority::Interactive));
    m_model.lane = std::make_unique<LatestLane<Experiment>>(
        [this, post](const Experiment& request, uint64_t sequence, std::stop_token stop) {
            m_engine.model(request, sequence, std::move(stop),
                           [this, post](const std::shared_ptr<const ModelResults>& results) {
                               post([this, results] { receive(results); });
                           });
            post([this, sequence] { finished(LabKind::Model, sequence); });
        },
        failed(LabKind::Model, std::type_identity<ModelResults>{}), atPriority(ThreadPriority::Background));
    m_matmul.lane = std::make_unique<LatestLane<Experiment>>(
        [this, post](const Experiment& request, uint64_t sequence, std::stop_token stop) {
            m_engine.matmul(
                request, sequence, std::move(stop),
                [this, post](const std::shared_ptr<const MatmulResults>& results) {
                    post([this, results] { receive(results); });
                },
                [this, post, sequence](const Progress& progress) {
                    post([this, sequence, progress] { this->progress(LabKind::Matmul, sequence, progress); });
                });
            post([this, sequence] { finished(LabKind::Matmul, sequence); });
        },
        failed(LabKind::Matmul, std::type_identity<MatmulResults>{}),
        atPriority(ThreadPriority::Interactive));
    submit();
}

SessionController::~SessionController() = default;

void SessionController::edit(const Experiment& next, const EditOrigin& origin) {
    if (next == m_experiment) return;
    m_undo.push(new ExperimentCommand(*this, m_experiment, next, origin));
}

void SessionController::reset(const Experiment& experiment) {
    m_undo.clear();
    setExperiment(experiment);
}

void SessionController::setExperiment(const Experiment& experiment) {
    if (experiment == m_experiment) return;
    m_experiment = experiment;
    // At once after a rest, later during a drag; a zero wait still joins the edits of one event.
    const qint64 rest = m_sinceRequest.isValid() ? m_sinceRequest.elapsed() : kThrottleMs;
    if (!m_throttle.isActive()) m_throttle.start(static_cast<int>(std::max<qint64>(0, kThrottleMs - rest)));
    Q_EMIT experimentChanged(m_experiment);
}

/// Undo and redo leave the view where it is as long as it shows the same matrix.
void SessionController::restore(Experiment experiment) {
    if (experiment.matrix == m_experiment.matrix)
        experiment.tensorProtocol.heatmapRegion = m_experiment.tensorProtocol.heatmapRegion;
    if (experiment.matmul == m_experiment.matmul) experiment.matmulProtocol = m_experiment.matmulProtocol;
    setExperiment(experiment);
}

void SessionController::setActiveLab(LabKind lab) {
    m_active = lab;
    if (lab == LabKind::Tensor && m_tensorResults) Q_EMIT tensorResultsChanged(m_tensorResults);
    if (lab == LabKind::Model && m_modelResults) Q_EMIT modelResultsChanged(m_modelResults);
    if (lab == LabKind::Matmul && m_matmulResults) Q_EMIT matmulResultsChanged(m_matmulResults);
    submit();
    Q_EMIT workChanged(lab);
}

void SessionController::submit() {
    m_sinceRequest.start();
    if (m_active == LabKind::Tensor) submitTensor();
    if (m_active == LabKind::Model) submitModel();
    if (m_active == LabKind::Matmul) submitMatmul();
}

void SessionController::submitTensor() {
    if (!m_engine.tensor || !hasMatrix(m_experiment)) return;
    if (m_tensor.requested && sameForTensor(*m_tensor.requested, m_experiment)) return;
    m_tensor.requested = m_experiment;
    m_tensor.sequence = m_tensor.lane->submit(m_experiment);
    m_tensor.work = {true, 0, 0, {}};
    Q_EMIT workChanged(LabKind::Tensor);
}

void SessionController::submitModel() {
    if (!m_engine.model || m_experiment.model.modelPath.empty()) return;
    if (m_model.requested && sameForModel(*m_model.requested, m_experiment)) return;
    m_model.requested = m_experiment;
    m_model.sequence = m_model.lane->submit(m_experiment);
    m_model.work = {true, 0, 0, {}};
    Q_EMIT workChanged(LabKind::Model);
}

void SessionController::submitMatmul() {
    if (!m_engine.matmul || !hasProduct(m_experiment)) return;
    if (m_matmul.requested && sameForMatmul(*m_matmul.requested, m_experiment)) return;
    m_matmul.requested = m_experiment;
    m_matmul.sequence = m_matmul.lane->submit(m_experiment);
    m_matmul.work = {true, 0, 0, {}};
    Q_EMIT workChanged(LabKind::Matmul);
}

void SessionController::cancel() {
    if (m_active == LabKind::Tensor) m_tensor.lane->cancel();
    if (m_active == LabKind::Model) m_model.lane->cancel();
    if (m_active == LabKind::Matmul) m_matmul.lane->cancel();
    workOf(m_active) = {false, 0, 0, tr("stopped")};
    Q_EMIT workChanged(m_active);
}

void SessionController::measureAgain() {
    if (m_active == LabKind::Tensor) m_tensor.requested.reset();
    if (m_active == LabKind::Model) m_model.requested.reset();
    if (m_active == LabKind::Matmul) m_matmul.requested.reset();
    submit();
}

void SessionController::computeAgain() {
    m_tensor.requested.reset();
    m_model.requested.reset();
    m_matmul.requested.reset();
    submit();
}

void SessionController::receive(const std::shared_ptr<const TensorResults>& results) {
    const bool refines = results->sequence == m_tensor.shownSequence;
    if (results->sequence < m_tensor.shownSequence) return;
    if (refines && m_tensorResults && m_tensorResults->tier == Tier::Full && results->tier == Tier::Preview)
        return;
    m_tensor.shownSequence = results->sequence;
    m_tensorResults = results;
    if (m_active == LabKind::Tensor) Q_EMIT tensorResultsChanged(results);
}

void SessionController::receive(const std::shared_ptr<const ModelResults>& results) {
    if (results->sequence < m_model.shownSequence) return;
    m_model.shownSequence = results->sequence;
    m_modelResults = results;
    if (results->sequence == m_model.sequence && m_model.work.busy) {
        m_model.work = {true, results->fraction, results->secondsLeft,
                        QString::fromStdString(results->stage)};
        Q_EMIT workChanged(LabKind::Model);
    }
    if (m_active == LabKind::Model) Q_EMIT modelResultsChanged(results);
}

void SessionController::receive(const std::shared_ptr<const MatmulResults>& results) {
    if (results->sequence < m_matmul.shownSequence) return;
    m_matmul.shownSequence = results->sequence;
    m_matmulResults = results;
    if (m_active == LabKind::Matmul) Q_EMIT matmulResultsChanged(results);
}

void SessionController::progress(LabKind lab, uint64_t sequence, const Progress& progress) {
    WorkState& work = workOf(lab);
    if (sequence != newestOf(lab) || !work.busy) return;
    work.fraction = progress.fraction;
    work.stage = QString::fromStdString(progress.stage);
    Q_EMIT workChanged(lab);
}

void SessionController::finished(LabKind lab, uint64_t sequence) {
    WorkState& work = workOf(lab);
    if (sequence != newestOf(lab) || !work.busy) return;
    work = {};
    Q_EMIT workChanged(lab);
}

uint64_t SessionController::newestOf(LabKind lab) const {
    if (lab == LabKind::Matmul) return m_matmul.sequence;
    return lab == LabKind::Tensor ? m_tensor.sequence : m_model.sequence;
}

WorkState& SessionController::workOf(LabKind lab) {
    if (lab == LabKind::Matmul) return m_matmul.work;
    return lab == LabKind::Tensor ? m_tensor.work : m_model.work;
}

const WorkState& SessionController::work(LabKind lab) const {
    if (lab == LabKind::Matmul) return m_matmul.work;
    return lab == LabKind::Tensor ? m_tensor.work : m_model.work;
}

bool SessionController::isSettled() const {
    if (m_throttle.isActive() || work(m_active).busy) return false;
    if (m_active == LabKind::Tensor) {
        return !hasMatrix(m_experiment) ||
               (m_tensorResults && m_tensorResults->sequence == m_tensor.sequence);
    }
    if (m_active == LabKind::Matmul)
        return !hasProduct(m_experiment) ||
               (m_matmulResults && m_matmulResults->sequence == m_matmul.sequence);
    return m_experiment.model.modelPath.empty() ||
           (m_modelResults && m_modelResults->sequence == m_model.sequence);
}

}  // namespace quantscope
