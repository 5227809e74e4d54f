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

/// What a lab shows when its lane's work threw: the request and why it has no answer.
template <class Results>
std::shared_ptr<Results> failedResults(const LabRequest& request, uint64_t sequence, const Error& error) {
    auto results = std::make_shared<Results>();
    results->request = request.experiment;
    results->views = request.views;
    results->sequence = sequence;
    results->complete = true;
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

SessionController::SessionController(Engine engine, LabRequest initial, QObject* parent)
    : QObject(parent), m_engine(std::move(engine)), m_request(std::move(initial)) {
    m_throttle.setSingleShot(true);
    connect(&m_throttle, &QTimer::timeout, this, &SessionController::submit);

    const auto post = [this](auto&& call) {
        QMetaObject::invokeMethod(this, std::forward<decltype(call)>(call), Qt::QueuedConnection);
    };
    const auto failed = [this, post]<class Results>(LabKind lab, std::type_identity<Results>) {
        return [this, post, lab](const LabRequest& request, uint64_t sequence, const Error& error) {
            const std::shared_ptr<const Results> results = failedResults<Results>(request, sequence, error);
            post([this, lab, sequence, results] {
                receive(results);
                finished(lab, sequence);
            });
        };
    };
    m_tensor.lane = std::make_unique<LatestLane<LabRequest>>(
        [this, post](const LabRequest& request, uint64_t sequence, std::stop_token refine) {
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
    m_model.lane = std::make_unique<LatestLane<LabRequest>>(
        [this, post](const LabRequest& request, uint64_t sequence, std::stop_token stop) {
            m_engine.model(request, sequence, std::move(stop),
                           [this, post](const std::shared_ptr<const ModelResults>& results) {
                               post([this, results] { receive(results); });
                           });
            post([this, sequence] { finished(LabKind::Model, sequence); });
        },
        failed(LabKind::Model, std::type_identity<ModelResults>{}), atPriority(ThreadPriority::Background));
    m_matmul.lane = std::make_unique<LatestLane<LabRequest>>(
        [this, post](const LabRequest& request, uint64_t sequence, std::stop_token stop) {
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
    if (next == m_request.experiment) return;
    m_undo.push(new ExperimentCommand(*this, m_request.experiment, next, origin));
}

void SessionController::setPlaces(const RunPlaces& places) {
    setRequest({m_request.experiment, m_request.views, places});
}

void SessionController::reset(const LabRequest& request) {
    m_undo.clear();
    setRequest(request);
}

void SessionController::setRequest(const LabRequest& request) {
    if (request == m_request) return;
    m_request = request;
    // At once after a rest, later during a drag; a zero wait still joins the edits of one event.
    const qint64 rest = m_sinceRequest.isValid() ? m_sinceRequest.elapsed() : kThrottleMs;
    if (!m_throttle.isActive()) m_throttle.start(static_cast<int>(std::max<qint64>(0, kThrottleMs - rest)));
    Q_EMIT requestChanged(m_request);
}

/// Views stay where they are as long as what they look at is still there.
void SessionController::restore(const Experiment& experiment) {
    LabRequest next(experiment, m_request.views, m_request.places);
    for (const Lab& lab : m_labs)
        if (lab.follow) lab.follow(m_request.experiment, experiment, next.views);
    setRequest(next);
}

const Lab& SessionController::lab(LabKind kind) const {
    const char* id = kind == LabKind::Tensor ? "tensor" : kind == LabKind::Model ? "model" : "matmul";
    return *findLab(m_labs, id);
}

bool SessionController::isNew(LabKind kind, const std::optional<LabRequest>& requested) const {
    const Lab& asked = lab(kind);
    return asked.hasWork(m_request.experiment) && !(requested && asked.sameWork(*requested, m_request));
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
    if (!m_engine.tensor || !isNew(LabKind::Tensor, m_tensor.requested)) return;
    m_tensor.requested = m_request;
    m_tensor.sequence = m_tensor.lane->submit(m_request);
    m_tensor.work = {true, 0, 0, {}};
    Q_EMIT workChanged(LabKind::Tensor);
}

void SessionController::submitModel() {
    if (!m_engine.model || !isNew(LabKind::Model, m_model.requested)) return;
    m_model.requested = m_request;
    m_model.sequence = m_model.lane->submit(m_request);
    m_model.work = {true, 0, 0, {}};
    Q_EMIT workChanged(LabKind::Model);
}

void SessionController::submitMatmul() {
    if (!m_engine.matmul || !isNew(LabKind::Matmul, m_matmul.requested)) return;
    m_matmul.requested = m_request;
    m_matmul.sequence = m_matmul.lane->submit(m_request);
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
    if (!lab(m_active).hasWork(m_request.experiment)) return true;
    if (m_active == LabKind::Tensor) return m_tensorResults && m_tensorResults->sequence == m_tensor.sequence;
    if (m_active == LabKind::Matmul) return m_matmulResults && m_matmulResults->sequence == m_matmul.sequence;
    return m_modelResults && m_modelResults->sequence == m_model.sequence;
}

}  // namespace quantscope
