// SPDX-License-Identifier: Apache-2.0
// An experiment as JSON: the session file's heart and the batch format of the command line.
#include "app/experiment/experiment_json.h"

#include <fmt/format.h>

#include <optional>

#include "app/experiment/json_reader.h"
#include "io/json_input.h"

namespace quantscope {
namespace {

constexpr int kVersion = 1;

OrderedJson modelJson(const ModelSource& s) {
    OrderedJson json = {{"model", s.modelPath}, {"text", s.textPath}};
    if (!s.calibrationPath.empty()) json["calibration"] = s.calibrationPath;
    // Without a text the number is kept for when there is one.
    if (!s.calibrationPath.empty() || s.calibrationChunks != ModelSource{}.calibrationChunks)
        json["calibrationChunks"] = s.calibrationChunks;
    if (!s.calibrationFile.empty()) json["calibrationFile"] = s.calibrationFile;
    return json;
}

void readModel(const JsonReader& reader, ModelSource& model) {
    reader.text("model", model.modelPath);
    reader.text("text", model.textPath);
    reader.text("calibration", model.calibrationPath);
    reader.integer("calibrationChunks", model.calibrationChunks, 0, 1 << 20);
    reader.text("calibrationFile", model.calibrationFile);
}

/// Files from before there was a "run" hold the folder of finished layers in "model".
void readPlaces(const JsonReader& root, RunPlaces& places) {
    root.child("model").text("resumeFolder", places.resumeFolder);
    const JsonReader run = root.child("run");
    run.text("resumeFolder", places.resumeFolder);
    run.text("saveCalibration", places.calibrationTarget);
}

void writePlaces(const RunPlaces& places, OrderedJson& root) {
    if (!places.resumeFolder.empty()) root["run"]["resumeFolder"] = places.resumeFolder;
    if (!places.calibrationTarget.empty()) root["run"]["saveCalibration"] = places.calibrationTarget;
}

}  // namespace

std::string experimentJson(const LabRequest& request, const std::vector<Lab>& known) {
    OrderedJson json = {
        {"quantscope", kVersion},
        {"model", modelJson(request.experiment.model)},
        {"variants", variantsJson(request.experiment.variants)},
    };
    for (const Lab& lab : known) lab.write(request, json);
    writePlaces(request.places, json);
    return json.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

Result<LabRequest> parseRequest(std::string_view text, const std::vector<Lab>& known) {
    const Result<nlohmann::json> json = parseJson(text);
    if (!json || !json->is_object())
        return fail(ErrorKind::Malformed, json ? "not a JSON object" : json.error().message,
                    json ? std::string() : json.error().field, "Open a session or experiment file");
    std::optional<Error> error;
    const JsonReader root(*json, "", error);
    int version = 0;
    root.integer("quantscope", version, 1, kVersion);
    if (version == 0) root.complain("quantscope", fmt::format("the format's version, {}", kVersion));
    LabRequest request;
    readModel(root.child("model"), request.experiment.model);
    root.variants("variants", request.experiment.variants);
    for (const Lab& lab : known) lab.read(root, request);
    readPlaces(root, request.places);
    if (error) return fail(std::move(*error));
    return request;
}

Result<Experiment> parseExperiment(std::string_view text, const std::vector<Lab>& known) {
    auto request = parseRequest(text, known);
    if (!request) return fail(request.error());
    return std::move(request->experiment);
}

}  // namespace quantscope
