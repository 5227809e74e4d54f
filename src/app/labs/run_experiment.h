// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "app/labs/labs.h"
#include "app/results/section.h"
#include "base/job.h"
#include "kernels/kernel_set.h"

namespace quantscope {

/// What a lab's results say, section by section; by its metric rows where the lab has no sections of its own.
std::vector<ResultSection> sectionsOf(const Lab& lab, const LabResults& results);

/// Runs one lab's part to its end; null when it delivered nothing.
std::shared_ptr<const LabResults> runPart(const Lab& lab, const LabRequest& request, SourceLibrary& sources,
                                          KernelsInUse kernels, const ProgressSink& progress = {});

/// Runs the parts that the request has, in the order of `known`, each to its end, as the window does. A part
/// that is absent, or has nothing to compute, gives no section; one that failed gives its error.
std::vector<ResultSection> runExperiment(const LabRequest& request, const std::vector<Lab>& known,
                                         SourceLibrary& sources, KernelsInUse kernels,
                                         const ProgressSink& progress = {});

}  // namespace quantscope
