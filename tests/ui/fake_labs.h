// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "app/labs/labs.h"

namespace quantscope {

/// A pipeline that answers as a test says.
class FakePipeline final : public LabPipeline {
 public:
    using Answer =
        std::function<void(const LabRequest&, uint64_t sequence, const std::stop_token&, const Deliver&)>;

    explicit FakePipeline(Answer answer) : m_answer(std::move(answer)) {}
    void run(const LabRequest& request, uint64_t sequence, std::stop_token stop, const Deliver& deliver,
             const ProgressSink&) override {
        m_answer(request, sequence, stop, deliver);
    }

 private:
    Answer m_answer;
};

/// The lab with a pipeline that answers so.
inline Lab answering(Lab lab, const FakePipeline::Answer& answer) {
    lab.makePipeline = [answer](SourceLibrary&, KernelsInUse) {
        return std::make_unique<FakePipeline>(answer);
    };
    return lab;
}

/// Empty, complete results of this request.
template <class Results>
std::shared_ptr<Results> emptyResults(const LabRequest& request, uint64_t sequence) {
    auto results = std::make_shared<Results>();
    results->request = request.experiment;
    results->views = request.views;
    results->sequence = sequence;
    results->complete = true;
    return results;
}

}  // namespace quantscope
