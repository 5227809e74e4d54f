// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <QTimer>
#include <QUndoStack>
#include <memory>
#include <string>
#include <vector>

#include "app/labs/engine.h"
#include "app/results/lab_results.h"
#include "widgets/edit_origin.h"
#include "widgets/work_state.h"

namespace quantscope {

/// An experiment with its undo stack and a lane a lab: edits become results by the way document -> 16 ms
/// throttle -> request -> lane -> immutable results -> signal. Equal requests are ignored, results are shown
/// by sequence number, only the lab on screen computes, but for labs that take minutes, which go on behind.
/// Nothing here blocks or computes. The window has one; every live widget of a lesson page has a small one.
class Document : public QObject {
    Q_OBJECT
 public:
    /// Shows the first of the engine's labs.
    Document(Engine& engine, LabRequest initial, QObject* parent = nullptr);
    ~Document() override;

    [[nodiscard]] const std::vector<Lab>& labs() const { return m_engine.labs(); }
    [[nodiscard]] const Experiment& experiment() const { return m_request.experiment; }
    [[nodiscard]] const LabValues& views() const { return m_request.views; }
    /// Experiment, views and places: what a session file holds.
    [[nodiscard]] const LabRequest& request() const { return m_request; }
    [[nodiscard]] QUndoStack* undoStack() { return &m_undo; }

    /// Makes `next` the experiment: one undo step, or part of the running drag's step.
    void edit(const Experiment& next, const EditOrigin& origin);
    /// The same for a change: `change(Experiment&)`.
    template <class Change>
    void edit(const EditOrigin& origin, const Change& change) {
        Experiment next = experiment();
        change(next);
        edit(next, origin);
    }
    /// Changes where a person looks in a lab, `change(View&)`: no undo step.
    template <class View, class Change>
    void look(const Change& change) {
        LabRequest next = m_request;
        change(next.views.edit<View>());
        setRequest(next);
    }
    /// How things are run, not what is compared: neither an edit nor undone, and no reason to run again.
    void setPlaces(const RunPlaces& places);
    [[nodiscard]] const RunPlaces& places() const { return m_request.places; }
    /// Another experiment whose past cannot be undone: an opened session.
    void reset(const LabRequest& request);

    /// The lab on screen. Shows its newest results at once. One that the engine does not have changes
    /// nothing.
    void showLab(const std::string& id);
    [[nodiscard]] const Lab& shownLab() const;
    /// Whether anybody sees the document: one that is scrolled away computes nothing new.
    void setVisible(bool visible);

    /// Stops the running job of the lab on screen; what is shown stays.
    void cancel();
    /// Measures the lab on screen again although nothing changed.
    void measureAgain();
    /// Every lab computes anew, hidden ones when they are shown: the kernels changed.
    void computeAgain();

    /// The newest results of a lab; null when there are none.
    [[nodiscard]] std::shared_ptr<const LabResults> results(const std::string& lab) const;
    /// The same as the lab's own type; null also when they are of another type (a failure of any lab).
    template <class Results>
    [[nodiscard]] std::shared_ptr<const Results> resultsOf(const std::string& lab) const {
        return std::dynamic_pointer_cast<const Results>(results(lab));
    }
    [[nodiscard]] const WorkState& work(const std::string& lab) const;
    /// True when the lab on screen shows the complete result (or the error) of the document as it is.
    [[nodiscard]] bool isSettled() const;

 Q_SIGNALS:
    void requestChanged(const quantscope::LabRequest& request);
    /// Of the lab on screen.
    void resultsChanged(const std::string& lab, const std::shared_ptr<const quantscope::LabResults>& results);
    void workChanged(const std::string& lab);

 private:
    friend class ExperimentCommand;
    struct Side;

    void setRequest(const LabRequest& request);
    void restore(const Experiment& experiment);
    void submit();
    void stop(Side& side, bool forget);
    void receive(Side& side, const std::shared_ptr<const LabResults>& results);
    void progress(Side& side, uint64_t sequence, const Progress& progress);
    void finished(Side& side, uint64_t sequence);
    [[nodiscard]] Side& side(const std::string& lab) const;
    void runOnLane(Side& side, const LabRequest& request, uint64_t sequence, std::stop_token stop);

    Engine& m_engine;
    LabRequest m_request;
    QUndoStack m_undo;
    QTimer m_throttle;
    QElapsedTimer m_sinceRequest;
    bool m_visible = true;
    Side* m_shown = nullptr;
    // The lanes come last: their jobs end before anything they deliver to is destroyed.
    std::vector<std::unique_ptr<Side>> m_sides;
};

}  // namespace quantscope
