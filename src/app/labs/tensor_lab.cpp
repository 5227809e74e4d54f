// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "app/experiment/json_reader.h"
#include "app/experiment/tensor_part.h"
#include "app/labs/labs.h"
#include "app/labs/pipeline_of.h"
#include "app/pipelines/tensor_pipeline.h"
#include "app/results/tensor_json.h"

namespace quantscope {
namespace {

OrderedJson regionJson(const MatrixRegion& r) {
    return OrderedJson::array({r.rowBegin, r.rowEnd, r.colBegin, r.colEnd});
}

void readRegion(const JsonReader& reader, const char* key, MatrixRegion& region) {
    const nlohmann::json* found = reader.member(key);
    if (found == nullptr) return;
    const auto valid = [](const nlohmann::json& j) {
        return j.is_number_unsigned() && j.get<uint64_t>() < (1ULL << 40);
    };
    if (!found->is_array() || found->size() != 4 || !std::all_of(found->begin(), found->end(), valid)) {
        reader.complain(key, "four whole numbers: first row, row end, first column, column end");
        return;
    }
    region = {(*found)[0], (*found)[1], (*found)[2], (*found)[3]};
}

void write(const LabRequest& request, OrderedJson& root) {
    OrderedJson protocol = OrderedJson::object();
    if (request.experiment.parts.has<TensorPart>()) {
        const auto& part = request.experiment.part<TensorPart>();
        root["matrix"] = matrixJson(part.matrix);
        if (part.inputs) root["matrixInputs"] = matrixJson(*part.inputs);
        protocol["bins"] = part.histogramBins;
        protocol["clipPoints"] = part.clipCurvePoints;
    }
    if (request.views.has<TensorView>()) {
        const auto& view = request.views.get<TensorView>();
        protocol["heatmapVariant"] = view.heatmapVariant;
        protocol["heatmapRegion"] = regionJson(view.heatmapRegion);
    }
    if (!protocol.empty()) root["tensorProtocol"] = std::move(protocol);
}

void read(const JsonReader& root, LabRequest& request) {
    const JsonReader protocol = root.child("tensorProtocol");
    if (root.has("matrix")) {
        auto& part = request.experiment.edit<TensorPart>();
        root.matrix("matrix", part.matrix);
        part.inputs.reset();
        if (root.has("matrixInputs")) root.matrix("matrixInputs", part.inputs.emplace());
        protocol.integer("bins", part.histogramBins, 2, 2048);
        protocol.integer("clipPoints", part.clipCurvePoints, 2, 2048);
    }
    if (!protocol.has("heatmapVariant") && !protocol.has("heatmapRegion")) return;
    auto& view = request.views.edit<TensorView>();
    protocol.integer("heatmapVariant", view.heatmapVariant, 0, 1000);
    readRegion(protocol, "heatmapRegion", view.heatmapRegion);
}

/// The model is part of it: inputs captured from it weigh the error of its layers.
bool sameWork(const LabRequest& a, const LabRequest& b) {
    return a.experiment.part<TensorPart>() == b.experiment.part<TensorPart>() &&
           a.experiment.model == b.experiment.model && a.experiment.variants == b.experiment.variants &&
           a.views.get<TensorView>() == b.views.get<TensorView>();
}

void follow(const Experiment& before, const Experiment& after, LabValues& views) {
    if (before.part<TensorPart>().matrix != after.part<TensorPart>().matrix)
        views.edit<TensorView>().heatmapRegion = {};
}

}  // namespace

Lab tensorLab() {
    Lab lab;
    lab.id = TensorPart::kLab;
    lab.title = "Tensor";
    lab.metrics = metricsNamed({"bits_per_weight", "sqnr_db", "mse", "max_abs", "cosine",
                                "relative_frobenius", "output_error", "clipped_share"});
    lab.hasWork = [](const Experiment& e) { return isChosen(e.part<TensorPart>().matrix); };
    lab.sameWork = sameWork;
    lab.makePipeline = PipelineOf<TensorPipeline>::make;
    lab.write = write;
    lab.read = read;
    lab.addDefaults = [](Experiment& e) { e.edit<TensorPart>(); };
    lab.sections = [](const LabResults& results) -> std::vector<ResultSection> {
        if (results.error) return {failedSection("tensor", *results.error)};
        return {tensorSection(dynamic_cast<const TensorResults&>(results))};
    };
    lab.follow = follow;
    lab.checkpoints = [](const Experiment& e) {
        std::vector<std::string> paths{checkpointOf(e.part<TensorPart>().matrix)};
        if (const auto& inputs = e.part<TensorPart>().inputs) paths.push_back(checkpointOf(*inputs));
        return paths;
    };
    return lab;
}

}  // namespace quantscope
