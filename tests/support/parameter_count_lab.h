// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/experiment/json_reader.h"
#include "app/experiment/source_library.h"
#include "app/labs/labs.h"
#include "app/labs/pipeline_of.h"

// A lab that shows one number: how many weights the linear layers of the experiment's model have. Everything
// a new lab needs on the engine's side, in its own file.

namespace quantscope::test {

struct CountPart {
    static constexpr const char* kLab = "count";
    bool withHead = false;
    bool operator==(const CountPart&) const = default;
};

struct CountView {
    static constexpr const char* kLab = "count";
    int variant = 0;  ///< the one whose row is looked at
    bool operator==(const CountView&) const = default;
};

struct CountResults : LabResults {
    int64_t parameters = 0;
};

class CountPipeline {
 public:
    using Deliver = LabPipeline::Deliver;

    CountPipeline(SourceLibrary& sources, KernelsInUse) : m_sources(sources) {}

    void run(const LabRequest& request, uint64_t sequence, const std::stop_token&, const Deliver& deliver,
             const ProgressSink&) {
        auto results = std::make_shared<CountResults>();
        results->request = request.experiment;
        results->views = request.views;
        results->sequence = sequence;
        results->complete = true;
        const auto model = m_sources.model(request.experiment.model.modelPath);
        if (!model) {
            results->error = model.error();
            return deliver(std::move(results));
        }
        const bool withHead = request.experiment.part<CountPart>().withHead;
        for (const LinearInfo& layer : (*model)->linears())
            if (withHead || layer.block >= 0) results->parameters += layer.outFeatures * layer.inFeatures;
        results->title = request.experiment.model.modelPath;
        results->summary = "counted";
        for (const Variant& variant : request.experiment.variants)
            results->rows.push_back({variantTitle(variant),
                                     0,
                                     std::nullopt,
                                     {{"parameters", {static_cast<double>(results->parameters)}}}});
        deliver(std::move(results));
    }

 private:
    SourceLibrary& m_sources;
};

inline Lab countLab() {
    Lab lab;
    lab.id = CountPart::kLab;
    lab.title = "Count";
    lab.metrics = {{"parameters", "parameters", "weights of the linear layers", MetricFormat::Count}};
    lab.hasWork = [](const Experiment& e) { return !e.model.modelPath.empty(); };
    lab.sameWork = [](const LabRequest& a, const LabRequest& b) {
        return a.experiment.model == b.experiment.model && a.experiment.variants == b.experiment.variants &&
               a.experiment.part<CountPart>() == b.experiment.part<CountPart>();
    };
    lab.makePipeline = PipelineOf<CountPipeline>::make;
    lab.write = [](const LabRequest& request, OrderedJson& root) {
        if (request.experiment.parts.has<CountPart>())
            root["count"]["withHead"] = request.experiment.part<CountPart>().withHead;
        if (request.views.has<CountView>()) root["count"]["variant"] = request.views.get<CountView>().variant;
    };
    lab.read = [](const JsonReader& root, LabRequest& request) {
        const JsonReader json = root.child("count");
        if (json.has("withHead")) json.flag("withHead", request.experiment.edit<CountPart>().withHead);
        if (json.has("variant")) json.integer("variant", request.views.edit<CountView>().variant, 0, 1000);
    };
    return lab;
}

}  // namespace quantscope::test
