// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "app/experiment/experiment.h"
#include "app/results/lab_results.h"
#include "base/job.h"
#include "kernels/kernel_set.h"

namespace quantscope {

class JsonReader;
class SourceLibrary;
struct ResultSection;

/// What a lab is asked for: an experiment, where a person looks at it, and how it is run. Also what a session
/// file holds.
struct LabRequest {
    LabRequest() = default;
    LabRequest(Experiment compared, LabValues looked = {},  // NOLINT: an experiment alone is a request
               RunPlaces run = {})
        : experiment(std::move(compared)), views(std::move(looked)), places(std::move(run)) {}
    bool operator==(const LabRequest&) const = default;

    Experiment experiment;
    LabValues views;
    RunPlaces places;  ///< how it is run: no reason to run again
};

/// Runs a lab's part of an experiment, keeping what the next run can use. Used by one thread at a time.
class LabPipeline {
 public:
    using Deliver = std::function<void(std::shared_ptr<const LabResults>)>;

    virtual ~LabPipeline() = default;
    /// Delivers one or more results with `sequence`, from a quick look to the whole. Errors are results. A
    /// stop ends what refines, without a result; what was delivered before stands.
    virtual void run(const LabRequest& request, uint64_t sequence, std::stop_token stop,
                     const Deliver& deliver, const ProgressSink& progress) = 0;
};

/// A lab on the engine's side: a value in a list. Its part of an experiment and its view are types of its own
/// (see LabValues); nothing but the lab's own files knows their members.
struct Lab {
    std::string id;     ///< "tensor": of its parts, views, sessions and the command line
    std::string title;  ///< "Tensor"
    /// Takes minutes: goes on when it is hidden, and gives way to labs that follow a drag.
    bool goesOnBehind = false;
    std::vector<MetricInfo> metrics;  ///< columns of its table, from the left

    /// There is something to compute for this experiment.
    std::function<bool(const Experiment&)> hasWork;
    /// The same answer for both: they differ at most in other labs' parts and in what is only looked at.
    std::function<bool(const LabRequest&, const LabRequest&)> sameWork;
    std::function<std::unique_ptr<LabPipeline>(SourceLibrary&, KernelsInUse)> makePipeline;

    /// Adds its part, where there is one, and its view to the root of an experiment's JSON.
    std::function<void(const LabRequest&, nlohmann::ordered_json& root)> write;
    /// Reads them; a part that the file has nothing of stays absent.
    std::function<void(const JsonReader& root, LabRequest&)> read;

    // What may be left out:

    /// What the window shows and a file need not hold: an absent part gets what a newcomer finds, a part that
    /// measures only some of it measures the rest, too.
    std::function<void(Experiment&)> addDefaults = {};
    /// What its results say to the command line's `run`; left out: the metric rows, under its id.
    std::function<std::vector<ResultSection>(const LabResults&)> sections = {};
    /// What becomes of where a person looks when `before` became `after`: a region of another matrix is
    /// none.
    std::function<void(const Experiment& before, const Experiment& after, LabValues& views)> follow = {};
    /// Checkpoints that its part names, beside the experiment's model.
    std::function<std::vector<std::string>(const Experiment&)> checkpoints = {};
};

}  // namespace quantscope
