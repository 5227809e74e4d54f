// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/labs/lab.h"

namespace quantscope {

/// A pipeline that delivers its own type of results, as one that delivers what all labs' results share.
template <class Pipeline>
class PipelineOf final : public LabPipeline {
 public:
    PipelineOf(SourceLibrary& sources, KernelsInUse kernels) : m_pipeline(sources, kernels) {}

    void run(const LabRequest& request, uint64_t sequence, std::stop_token stop, const Deliver& deliver,
             const ProgressSink& progress) override {
        m_pipeline.run(request, sequence, std::move(stop), deliver, progress);
    }

    static std::unique_ptr<LabPipeline> make(SourceLibrary& sources, KernelsInUse kernels) {
        return std::make_unique<PipelineOf>(sources, kernels);
    }

 private:
    Pipeline m_pipeline;
};

}  // namespace quantscope
