// SPDX-License-Identifier: GPL-3.0-or-later
#include "widgets/document.h"

#include <QUndoCommand>
#include <algorithm>
#include <optional>
#include <utility>

#include "app/pipelines/latest_lane.h"

namespace quantscope {
namespace {

constexpr int kThrottleMs = 16;

std::shared_ptr<const LabResults> failedResults(const LabRequest& request, uint64_t sequence,
                                                const Error& error) {
    auto results = std::make_shared<LabResults>();
    results->request = request.experiment;
    results->views = request.views;
    results->sequence = sequence;
    results->complete = true;
    results->error = error;
    return results;
}

}  // namespace

/// One lab of the document: what was asked of it, what came back, and its lane.
struct Document::Side {
    const Lab& lab;
    std::unique_ptr<LabPipeline> pipeline;  ///< made by the first job, used by the lane alone
    std::optional<LabRequest> requested;
    uint64_t sequence = 0;       ///< of the newest request
    uint64_t shownSequence = 0;  ///< of the newest result
    std::shared_ptr<const LabResults> results;
    WorkState work;
    std::unique_ptr<LatestLane<LabRequest>> lane;  // last: ends before what its jobs use
};

/// Holds the experiment before and after, and swaps them. Edits of one drag merge into one command.
class ExperimentCommand : public QUndoCommand {
 public:
    ExperimentCommand(Document& document, Experiment before, Experiment after, EditOrigin origin)
        : QUndoCommand(origin.control),
          m_document(document),
          m_before(std::move(before)),
          m_after(std::move(after)),
          m_origin(std::move(origin)) {}

    void undo() override { m_document.restore(m_before); }
    void redo() override { m_document.restore(m_after); }
    [[nodiscard]] int id() const override { return m_origin.drag != 0 ? 1 : -1; }
    bool mergeWith(const QUndoCommand* command) override {
        const auto* next = static_cast<const ExperimentCommand*>(command);
        if (!m_origin.mergesWith(next->m_origin)) return false;
        m_after = next->m_after;
        return true;
    }

 private:
    Document& m_document;
    Experiment m_before;
    Experiment m_after;
    EditOrigin m_origin;
};

Document::Document(Engine& engine, LabRequest initial, QObject* parent)
    : QObject(parent), m_engine(engine), m_request(std::move(initial)) {
    m_throttle.setSingleShot(true);
    connect(&m_throttle, &QTimer::timeout, this, &Document::submit);
    for (const Lab& lab : m_engine.labs()) {
        Side* side = m_sides.emplace_back(std::make_unique<Side>(Side{lab, {}, {}, 0, 0, {}, {}, {}})).get();
        side->lane = std::make_unique<LatestLane<LabRequest>>(
            m_engine.lanesOf(lab),
            [this, side](const LabRequest& request, uint64_t sequence, std::stop_token stop) {
                runOnLane(*side, request, sequence, std::move(stop));
            },
            [this, side](const LabRequest& request, uint64_t sequence, const Error& error) {
                const auto results = failedResults(request, sequence, error);
                QMetaObject::invokeMethod(
                    this,
                    [this, side, sequence, results] {
                        receive(*side, results);
                        finished(*side, sequence);
                    },
                    Qt::QueuedConnection);
            });
    }
    m_shown = m_sides.front().get();
    submit();
}

Document::~Document() = default;

/// On a thread of the pool: what is delivered is posted to the document's own.
void Document::runOnLane(Side& side, const LabRequest& request, uint64_t sequence, std::stop_token stop) {
    const auto post = [this](auto&& call) {
        QMetaObject::invokeMethod(this, std::forward<decltype(call)>(call), Qt::QueuedConnection);
    };
    if (!side.pipeline) side.pipeline = m_engine.pipelineOf(side.lab);
    side.pipeline->run(
        request, sequence, std::move(stop),
        [this, &side, post](const std::shared_ptr<const LabResults>& results) {
            post([this, &side, results] { receive(side, results); });
        },
        [this, &side, post, sequence](const Progress& now) {
            post([this, &side, sequence, now] { progress(side, sequence, now); });
        });
    post([this, &side, sequence] { finished(side, sequence); });
}

void Document::edit(const Experiment& next, const EditOrigin& origin) {
    if (next == m_request.experiment) return;
    m_undo.push(new ExperimentCommand(*this, m_request.experiment, next, origin));
}

void Document::setPlaces(const RunPlaces& places) {
    setRequest({m_request.experiment, m_request.views, places});
}

void Document::reset(const LabRequest& request) {
    m_undo.clear();
    setRequest(request);
}

void Document::setRequest(const LabRequest& request) {
    if (request == m_request) return;
    m_request = request;
    // At once after a rest, later during a drag; a zero wait still joins the edits of one event.
    const qint64 rest = m_sinceRequest.isValid() ? m_sinceRequest.elapsed() : kThrottleMs;
    if (!m_throttle.isActive()) m_throttle.start(static_cast<int>(std::max<qint64>(0, kThrottleMs - rest)));
    Q_EMIT requestChanged(m_request);
}

/// Views stay where they are as long as what they look at is still there.
void Document::restore(const Experiment& experiment) {
    LabRequest next = m_request;
    next.experiment = experiment;
    for (const Lab& lab : labs())
        if (lab.follow) lab.follow(m_request.experiment, experiment, next.views);
    setRequest(next);
}

Document::Side& Document::side(const std::string& lab) const {
    const auto found = std::find_if(m_sides.begin(), m_sides.end(),
                                    [&](const std::unique_ptr<Side>& s) { return s->lab.id == lab; });
    Q_ASSERT(found != m_sides.end());
    return **found;
}

const Lab& Document::shownLab() const {
    return m_shown->lab;
}

void Document::showLab(const std::string& id) {
    if (findLab(labs(), id) == nullptr) return;
    Side& wanted = side(id);
    if (m_shown != &wanted && !m_shown->lab.goesOnBehind) stop(*m_shown, true);
    m_shown = &wanted;
    if (m_shown->results) Q_EMIT resultsChanged(id, m_shown->results);
    submit();
    Q_EMIT workChanged(id);
}

void Document::setVisible(bool visible) {
    if (visible == m_visible) return;
    m_visible = visible;
    if (m_visible) return submit();
    if (!m_shown->lab.goesOnBehind) stop(*m_shown, true);
}

/// `forget`: what was not finished is asked for again when it is shown again.
void Document::stop(Side& side, bool forget) {
    if (!side.work.busy) return;
    side.lane->cancel();
    if (forget) side.requested.reset();
    side.work = {false, 0, 0, forget ? QString() : tr("stopped")};
    Q_EMIT workChanged(side.lab.id);
}

void Document::submit() {
    if (!m_visible) return;
    m_sinceRequest.start();
    Side& s = *m_shown;
    if (!s.lab.hasWork(m_request.experiment)) return;
    if (s.requested && s.lab.sameWork(*s.requested, m_request)) return;
    s.requested = m_request;
    s.sequence = s.lane->submit(m_request);
    s.work = {true, 0, 0, {}};
    Q_EMIT workChanged(s.lab.id);
}

void Document::cancel() {
    stop(*m_shown, false);
}

void Document::measureAgain() {
    m_shown->requested.reset();
    submit();
}

void Document::computeAgain() {
    for (const auto& side : m_sides) side->requested.reset();
    submit();
}

/// Results of an older request are shown while a newer one runs, but never after a newer one's; and a preview
/// that comes late does not take the place of the whole.
void Document::receive(Side& side, const std::shared_ptr<const LabResults>& results) {
    if (results->sequence < side.shownSequence) return;
    const bool refines = results->sequence == side.shownSequence;
    if (refines && side.results && side.results->complete && !results->complete) return;
    side.shownSequence = results->sequence;
    side.results = results;
    if (results->sequence == side.sequence && side.work.busy && results->fraction > 0) {
        side.work = {true, results->fraction, results->secondsLeft, QString::fromStdString(results->stage)};
        Q_EMIT workChanged(side.lab.id);
    }
    if (&side == m_shown) Q_EMIT resultsChanged(side.lab.id, results);
}

void Document::progress(Side& side, uint64_t sequence, const Progress& progress) {
    if (sequence != side.sequence || !side.work.busy) return;
    side.work.fraction = progress.fraction;
    side.work.stage = QString::fromStdString(progress.stage);
    Q_EMIT workChanged(side.lab.id);
}

void Document::finished(Side& side, uint64_t sequence) {
    if (sequence != side.sequence || !side.work.busy) return;
    side.work = {};
    Q_EMIT workChanged(side.lab.id);
}

std::shared_ptr<const LabResults> Document::results(const std::string& lab) const {
    return side(lab).results;
}

const WorkState& Document::work(const std::string& lab) const {
    return side(lab).work;
}

bool Document::isSettled() const {
    if (m_throttle.isActive() || m_shown->work.busy) return false;
    if (!m_shown->lab.hasWork(m_request.experiment)) return true;
    return m_shown->results && m_shown->results->sequence == m_shown->sequence;
}

}  // namespace quantscope
