// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <QTimer>
#include <QUndoStack>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

#include "app/labs/labs.h"
#include "app/pipelines/latest_lane.h"
#include "app/results/matmul_results.h"
#include "app/results/results.h"
#include "base/job.h"
#include "shell/edit_origin.h"

namespace quantscope {

enum class LabKind { Tensor, Model, Matmul };

/// What computes: the pipelines in the program, fakes in tests. Each function runs on the thread of its own
/// lane.
struct Engine {
    using DeliverTensor = std::function<void(std::shared_ptr<const TensorResults>)>;
    using DeliverModel = std::function<void(std::shared_ptr<const ModelResults>)>;
    using DeliverMatmul = std::function<void(std::shared_ptr<const MatmulResults>)>;
    std::function<void(const LabRequest&, uint64_t sequence, std::stop_token, const DeliverTensor&,
                       ProgressSink)>
        tensor;
    std::function<void(const LabRequest&, uint64_t sequence, std::stop_token, const DeliverModel&)> model;
    std::function<void(const LabRequest&, uint64_t sequence, std::stop_token, const DeliverMatmul&,
                       ProgressSink)>
        matmul;
};

/// The state of one lab's computation, for progress lines and the jobs strip.
struct WorkState {
    bool busy = false;
    double fraction = 0;
    double secondsLeft = 0;  ///< 0 = unknown
    QString stage;
};

/// Holds the document (an Experiment) and turns its edits into results: document -> 16 ms throttle -> request
/// -> lane -> immutable results -> signal. Equal requests are ignored, only the shown lab computes, results
/// are shown by sequence number. Nothing here blocks or computes.
class SessionController : public QObject {
    Q_OBJECT
 public:
    SessionController(Engine engine, LabRequest initial, QObject* parent = nullptr);
    ~SessionController() override;

    [[nodiscard]] const Experiment& experiment() const { return m_request.experiment; }
    [[nodiscard]] const LabValues& views() const { return m_request.views; }
    /// Experiment, views and places: what a session file holds.
    [[nodiscard]] const LabRequest& request() const { return m_request; }
    [[nodiscard]] QUndoStack* undoStack() { return &m_undo; }

    /// Makes `next` the document: one undo step, or part of the running drag's step.
    void edit(const Experiment& next, const EditOrigin& origin);
    /// Where a person looks (the region of a heat map): no undo step.
    void look(const LabValues& views) { setRequest({m_request.experiment, views, m_request.places}); }
    /// A new document whose past cannot be undone: an opened session.
    void reset(const LabRequest& request);

    /// How things are run, not what is compared: neither an edit nor undone, and no reason to run again.
    void setPlaces(const RunPlaces& places);
    [[nodiscard]] const RunPlaces& places() const { return m_request.places; }

    /// The lab on screen: the only one that computes. Shows its newest results at once.
    void setActiveLab(LabKind lab);
    [[nodiscard]] LabKind activeLab() const { return m_active; }

    /// Stops the running job of the active lab; what is on screen stays.
    void cancel();
    /// Measures the active lab again although nothing changed.
    void measureAgain();
    /// Every lab computes anew, hidden ones when they are shown: the kernels changed.
    void computeAgain();

    [[nodiscard]] std::shared_ptr<const TensorResults> tensorResults() const { return m_tensorResults; }
    [[nodiscard]] std::shared_ptr<const ModelResults> modelResults() const { return m_modelResults; }
    [[nodiscard]] std::shared_ptr<const MatmulResults> matmulResults() const { return m_matmulResults; }
    [[nodiscard]] const WorkState& work(LabKind lab) const;
    /// True when the active lab shows the complete result (or the error) of the document as it is.
    [[nodiscard]] bool isSettled() const;

 Q_SIGNALS:
    void requestChanged(const quantscope::LabRequest& request);
    void tensorResultsChanged(const std::shared_ptr<const quantscope::TensorResults>& results);
    void modelResultsChanged(const std::shared_ptr<const quantscope::ModelResults>& results);
    void matmulResultsChanged(const std::shared_ptr<const quantscope::MatmulResults>& results);
    void workChanged(quantscope::LabKind lab);

 private:
    friend class ExperimentCommand;
    template <class Results>
    struct Side {
        std::unique_ptr<LatestLane<LabRequest>> lane;
        std::optional<LabRequest> requested;
        uint64_t sequence = 0;       ///< of the newest request
        uint64_t shownSequence = 0;  ///< of the newest result
        WorkState work;
    };

    void setRequest(const LabRequest& request);
    void restore(const Experiment& experiment);
    /// True when the lab has something to compute that it has not been asked for.
    [[nodiscard]] bool isNew(LabKind lab, const std::optional<LabRequest>& requested) const;
    [[nodiscard]] const Lab& lab(LabKind kind) const;
    void submit();
    void submitTensor();
    void submitModel();
    void submitMatmul();
    void receive(const std::shared_ptr<const TensorResults>& results);
    void receive(const std::shared_ptr<const ModelResults>& results);
    void receive(const std::shared_ptr<const MatmulResults>& results);
    [[nodiscard]] uint64_t newestOf(LabKind lab) const;
    [[nodiscard]] WorkState& workOf(LabKind lab);
    void progress(LabKind lab, uint64_t sequence, const Progress& progress);
    void finished(LabKind lab, uint64_t sequence);

    Engine m_engine;
    std::vector<Lab> m_labs = labs();
    LabRequest m_request;
    QUndoStack m_undo;
    QTimer m_throttle;
    QElapsedTimer m_sinceRequest;
    LabKind m_active = LabKind::Tensor;
    std::shared_ptr<const TensorResults> m_tensorResults;
    std::shared_ptr<const ModelResults> m_modelResults;
    std::shared_ptr<const MatmulResults> m_matmulResults;
    // The lanes come last: their threads end before anything they deliver to is destroyed.
    Side<TensorResults> m_tensor;
    Side<ModelResults> m_model;
    Side<MatmulResults> m_matmul;
};

}  // namespace quantscope
