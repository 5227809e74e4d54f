// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "app/experiment/source_library.h"
#include "app/labs/labs.h"
#include "app/pipelines/lane_pool.h"
#include "kernels/kernel_set.h"

namespace quantscope {

/// What all documents of a program compute with: labs, open files, kernels, and threads, whose number does
/// not grow with the documents'. Outlives the documents.
class Engine {
 public:
    explicit Engine(KernelsInUse kernels, std::vector<Lab> labs = quantscope::labs());

    [[nodiscard]] const std::vector<Lab>& labs() const { return m_labs; }
    [[nodiscard]] SourceLibrary& sources() { return m_sources; }
    [[nodiscard]] std::unique_ptr<LabPipeline> pipelineOf(const Lab& lab);
    /// The threads that a lab's work runs on: those that follow a drag, or those that take minutes.
    [[nodiscard]] LanePool& lanesOf(const Lab& lab);

 private:
    KernelsInUse m_kernels;
    std::vector<Lab> m_labs;
    SourceLibrary m_sources;
    LanePool m_interactive;
    LanePool m_behind;
};

}  // namespace quantscope
