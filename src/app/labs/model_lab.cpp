// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "app/experiment/json_reader.h"
#include "app/experiment/model_part.h"
#include "app/labs/labs.h"
#include "app/labs/pipeline_of.h"
#include "app/pipelines/model_pipeline.h"
#include "app/results/model_json.h"

namespace quantscope {
namespace {

constexpr const char* kKey = "modelProtocol";

void write(const LabRequest& request, OrderedJson& root) {
    OrderedJson json = OrderedJson::object();
    if (request.experiment.parts.has<ModelPart>()) {
        const auto& part = request.experiment.part<ModelPart>();
        const EvaluationProtocol& v = part.evaluation;
        json["rule"] = kRuleNames[static_cast<size_t>(v.rule)];
        json["window"] = v.window;
        json["stride"] = v.stride;
        json["chunks"] = v.maxChunks;
        json["order"] = kOrderNames[static_cast<size_t>(v.order)];
        json["memory"] = v.memoryBudgetBytes;
        json["layerTokens"] = part.layerTokens;
        json["layerWindow"] = part.layerWindow;
        if (part.layersOnly) json["layersOnly"] = true;
    }
    if (request.views.has<ModelView>()) {
        const auto& view = request.views.get<ModelView>();
        json["layerVariant"] = view.layerVariant;
        json["layer"] = view.layer;
    }
    if (!json.empty()) root[kKey] = std::move(json);
}

void read(const JsonReader& root, LabRequest& request) {
    if (!root.has(kKey)) return;
    const JsonReader json = root.child(kKey);
    auto& part = request.experiment.edit<ModelPart>();
    EvaluationProtocol& p = part.evaluation;
    json.choice("rule", p.rule, kRuleNames);
    json.choice("order", p.order, kOrderNames);
    json.integer("window", p.window, 2, 1 << 20);
    json.integer("stride", p.stride, 1, 1 << 20);
    json.integer("chunks", p.maxChunks, 0, std::numeric_limits<int>::max());
    json.integer("memory", p.memoryBudgetBytes, 1 << 20, int64_t{1} << 50);
    json.integer("layerTokens", part.layerTokens, 0, 1 << 20);
    json.integer("layerWindow", part.layerWindow, 2, 1 << 20);
    json.flag("layersOnly", part.layersOnly);
    if (!json.has("layerVariant") && !json.has("layer")) return;
    auto& view = request.views.edit<ModelView>();
    json.integer("layerVariant", view.layerVariant, 0, 1000);
    json.text("layer", view.layer);
}

bool sameWork(const LabRequest& a, const LabRequest& b) {
    return a.experiment.model == b.experiment.model && a.experiment.variants == b.experiment.variants &&
           a.experiment.part<ModelPart>() == b.experiment.part<ModelPart>() &&
           a.views.get<ModelView>() == b.views.get<ModelView>();
}

void follow(const Experiment& before, const Experiment& after, LabValues& views) {
    if (before.model.modelPath != after.model.modelPath) views.edit<ModelView>().layer.clear();
}

std::vector<ResultSection> sections(const LabResults& results) {
    const ModelPart& part = results.request.part<ModelPart>();
    const auto* scored = dynamic_cast<const ModelResults*>(&results);
    if (results.error && !(scored && scored->evaluation.complete))
        return {failedSection(part.layersOnly ? "layers" : "model", *results.error)};
    const ModelResults& own = *scored;
    std::vector<ResultSection> all;
    if (!part.layersOnly) all.push_back(modelSection(own));
    if (part.layerTokens == 0) return all;
    all.push_back(own.error ? failedSection("layers", *own.error) : layersSection(own));
    return all;
}

}  // namespace

Lab modelLab() {
    Lab lab;
    lab.id = ModelPart::kLab;
    lab.title = "Model";
    lab.goesOnBehind = true;
    lab.metrics = metricsNamed({"linear_bits", "model_bytes", "perplexity", "delta_nll", "kl_mean",
                                "top1_agreement", "tokens_per_second"});
    lab.hasWork = [](const Experiment& e) { return !e.model.modelPath.empty(); };
    lab.sameWork = sameWork;
    lab.makePipeline = PipelineOf<ModelPipeline>::make;
    lab.write = write;
    lab.read = read;
    lab.addDefaults = [](Experiment& e) { e.edit<ModelPart>().layersOnly = false; };
    lab.sections = sections;
    lab.follow = follow;
    return lab;
}

}  // namespace quantscope
