// SPDX-License-Identifier: GPL-3.0-or-later
#include "program/engine.h"

#include "app/pipelines/matmul_pipeline.h"
#include "app/pipelines/model_pipeline.h"
#include "app/pipelines/tensor_pipeline.h"

namespace quantscope {

Engine engineOf(TensorPipeline& tensor, ModelPipeline& model, MatmulPipeline* matmul) {
    Engine engine;
    engine.tensor = [&tensor](const LabRequest& request, uint64_t sequence, std::stop_token stop,
                              const Engine::DeliverTensor& deliver, ProgressSink progress) {
        tensor.run(request, sequence, std::move(stop), deliver, std::move(progress));
    };
    engine.model = [&model](const LabRequest& request, uint64_t sequence, std::stop_token stop,
                            const Engine::DeliverModel& deliver) {
        model.run(request, sequence, std::move(stop), deliver);
    };
    if (matmul == nullptr) return engine;
    engine.matmul = [matmul](const LabRequest& request, uint64_t sequence, std::stop_token stop,
                             const Engine::DeliverMatmul& deliver, ProgressSink progress) {
        matmul->run(request, sequence, std::move(stop), deliver, std::move(progress));
    };
    return engine;
}

}  // namespace quantscope
