// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/experiment/experiment.h"
#include "app/results/metric_infos.h"
#include "base/result.h"

namespace quantscope {

/// What a lab says of one variant in the metrics table and on the variant's card.
struct VariantRow {
    std::string title;
    double bits = 0;             ///< a weight; 0 = not known
    std::optional<Error> error;  ///< this variant failed: no values
    MetricValues values;
};

/// What the results of all labs share. A lab's own results derive from it; they are immutable and shared, and
/// every plot and the table read the same object.
struct LabResults {
    LabResults() = default;
    LabResults(const LabResults&) = default;
    LabResults(LabResults&&) = default;
    LabResults& operator=(const LabResults&) = default;
    LabResults& operator=(LabResults&&) = default;
    virtual ~LabResults() = default;

    Experiment request;
    LabValues views;  ///< where a person looked when it was requested
    uint64_t sequence = 0;
    bool complete = false;         ///< false: more comes for this request, unless it is stopped
    bool approximate = false;      ///< numbers are estimates from a sample
    std::optional<Error> error;    ///< all of it failed: what a lab adds is empty
    double seconds = 0;            ///< spent on it
    std::string title;             ///< what was looked at: "blk.28.ffn_down.weight"
    std::string summary;           ///< one line about the run: "full result · 524,288 elements · 3 ms"
    std::vector<VariantRow> rows;  ///< one a variant of the lab

    // Of a run that shows results on its way; a run that does not reports to its progress sink alone.
    double fraction = 0;     ///< of the whole request
    double secondsLeft = 0;  ///< estimate; 0 = unknown
    std::string stage;       ///< what is being computed
};

}  // namespace quantscope
