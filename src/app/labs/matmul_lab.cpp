// SPDX-License-Identifier: Apache-2.0
#include "app/experiment/json_reader.h"
#include "app/experiment/matmul_part.h"
#include "app/labs/labs.h"
#include "app/labs/pipeline_of.h"
#include "app/pipelines/matmul_pipeline.h"
#include "app/results/product_json.h"

namespace quantscope {
namespace {

constexpr const char* kKey = "matmul";

void write(const LabRequest& request, OrderedJson& root) {
    OrderedJson json = OrderedJson::object();
    if (request.experiment.parts.has<MatmulPart>()) {
        const auto& part = request.experiment.part<MatmulPart>();
        json["x"] = matrixJson(part.source.x);
        json["w"] = matrixJson(part.source.w);
        json["inputsByOutputs"] = part.source.inputsByOutputs;
        json["relu"] = part.relu;
        if (!part.products.empty()) json["products"] = variantsJson(part.products);
    }
    if (request.views.has<MatmulView>()) {
        const auto& view = request.views.get<MatmulView>();
        json["variant"] = view.variant;
        json["row"] = view.row;
        json["channel"] = view.channel;
        json["step"] = view.step;
        json["measurement"] = view.measurement;
    }
    if (!json.empty()) root[kKey] = std::move(json);
}

void read(const JsonReader& root, LabRequest& request) {
    if (!root.has(kKey)) return;
    const JsonReader json = root.child(kKey);
    if (json.has("x") || json.has("w") || json.has("products")) {
        auto& part = request.experiment.edit<MatmulPart>();
        json.matrix("x", part.source.x);
        json.matrix("w", part.source.w);
        json.flag("inputsByOutputs", part.source.inputsByOutputs);
        json.flag("relu", part.relu);
        if (json.has("products")) json.variants("products", part.products);
    }
    if (!json.has("variant")) return;
    constexpr int64_t kMost = int64_t{1} << 40;
    auto& view = request.views.edit<MatmulView>();
    json.integer("variant", view.variant, 0, 1000);
    json.integer("row", view.row, 0, kMost);
    json.integer("channel", view.channel, 0, kMost);
    json.integer("step", view.step, 0, kMost);
    json.integer("measurement", view.measurement, 0, 1 << 30);
}

/// The step k is only looked at: the results have every step of the cell.
bool sameWork(const LabRequest& a, const LabRequest& b) {
    MatmulView view = b.views.get<MatmulView>();
    view.step = a.views.get<MatmulView>().step;
    return a.experiment.part<MatmulPart>() == b.experiment.part<MatmulPart>() &&
           a.experiment.model == b.experiment.model && a.views.get<MatmulView>() == view;
}

void follow(const Experiment& before, const Experiment& after, LabValues& views) {
    const auto& old = before.part<MatmulPart>();
    const auto& now = after.part<MatmulPart>();
    if (old == now) return;
    auto& view = views.edit<MatmulView>();
    if (!(old.source == now.source)) view = {view.variant};
    if (old.products != now.products) view.measurement = 0;  // times belong to a product
}

}  // namespace

Lab matmulLab() {
    Lab lab;
    lab.id = MatmulPart::kLab;
    lab.title = "Matmul";
    lab.metrics = metricsNamed({"product_bits", "product_relative", "product_max_abs", "requantized_relative",
                                "lifted_out", "largest_sum", "beyond_int16"});
    lab.hasWork = [](const Experiment& e) { return isChosen(e.part<MatmulPart>().source.x); };
    lab.sameWork = sameWork;
    lab.makePipeline = PipelineOf<MatmulPipeline>::make;
    lab.write = write;
    lab.read = read;
    lab.addDefaults = [](Experiment& e) {
        if (!e.parts.has<MatmulPart>()) e.edit<MatmulPart>().products = defaultProducts();
    };
    lab.sections = [](const LabResults& results) -> std::vector<ResultSection> {
        if (results.error) return {failedSection("product", *results.error)};
        return {productSection(dynamic_cast<const MatmulResults&>(results))};
    };
    lab.follow = follow;
    return lab;
}

}  // namespace quantscope
