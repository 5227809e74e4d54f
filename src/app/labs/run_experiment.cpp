// SPDX-License-Identifier: Apache-2.0
#include "app/labs/run_experiment.h"

namespace quantscope {

std::shared_ptr<const LabResults> runPart(const Lab& lab, const LabRequest& request, SourceLibrary& sources,
                                          KernelsInUse kernels, const ProgressSink& progress) {
    std::shared_ptr<const LabResults> last;
    lab.makePipeline(sources, kernels)
        ->run(
            request, 1, {}, [&](std::shared_ptr<const LabResults> results) { last = std::move(results); },
            progress);
    return last;
}

std::vector<ResultSection> sectionsOf(const Lab& lab, const LabResults& results) {
    if (lab.sections) return lab.sections(results);
    if (results.error) return {failedSection(lab.id, *results.error)};
    return {rowsSection(lab.id, lab.metrics, results)};
}

std::vector<ResultSection> runExperiment(const LabRequest& request, const std::vector<Lab>& known,
                                         SourceLibrary& sources, KernelsInUse kernels,
                                         const ProgressSink& progress) {
    std::vector<ResultSection> sections;
    for (const Lab& lab : known) {
        if (!request.experiment.parts.contains(lab.id) || !lab.hasWork(request.experiment)) continue;
        const auto results = runPart(lab, request, sources, kernels, progress);
        if (!results) continue;
        for (ResultSection& section : sectionsOf(lab, *results)) sections.push_back(std::move(section));
    }
    return sections;
}

}  // namespace quantscope
