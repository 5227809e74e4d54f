// SPDX-License-Identifier: Apache-2.0
// An experiment as JSON: the session file's heart and the batch format of the command line.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "app/experiment/experiment.h"
#include "io/json_input.h"

namespace quantscope {
namespace {

using Json = nlohmann::ordered_json;  ///< written in the order a person reads
using InputJson = nlohmann::json;     ///< finds a member quickly, however many there are
constexpr int kVersion = 1;
constexpr const char* kRuleNames[] = {"llama.cpp", "gptq", "sliding"};
constexpr const char* kOrderNames[] = {"auto", "chunk-major", "layer-major"};

struct SourceJson {
    Json operator()(const TensorSource& s) const { return {{"path", s.path}, {"tensor", s.tensor}}; }
    Json operator()(const SyntheticSource& s) const { return {{"synthetic", s.spec}}; }
    Json operator()(const ActivationSource& s) const {
        return {{"model", s.modelPath}, {"text", s.textPath}, {"layer", s.layer}, {"tokens", s.tokens}};
    }
};

/// Reads members of an object and remembers the first thing that was wrong, with its path.
class Reader {
 public:
    Reader(const InputJson& json, std::string path, std::optional<Error>& error)
        : m_json(json), m_path(std::move(path)), m_error(error) {
        if (!m_json.is_object()) complain("", "an object");
    }

    void text(const char* key, std::string& value) const {
        if (const InputJson* found = member(key)) {
            if (found->is_string())
                value = found->get<std::string>();
            else
                complain(key, "a text");
        }
    }

    void flag(const char* key, bool& value) const {
        const InputJson* found = member(key);
        if (found == nullptr) return;
        if (!found->is_boolean()) return complain(key, "true or false");
        value = found->get<bool>();
    }

    template <class T>
    void integer(const char* key, T& value, int64_t minimum, int64_t maximum) const {
        const InputJson* found = member(key);
        if (found == nullptr) return;
        if (!found->is_number_integer() || found->get<double>() < static_cast<double>(minimum) ||
            found->get<double>() > static_cast<double>(maximum)) {
            complain(key, fmt::format("a whole number from {} to {}", minimum, maximum));
            return;
        }
        value = static_cast<T>(found->get<int64_t>());
    }

    template <class T, size_t N>
    void choice(const char* key, T& value, const char* const (&names)[N]) const {
        std::string name;
        text(key, name);
        if (name.empty()) return;
        for (size_t i = 0; i < N; ++i)
            if (name == names[i]) value = static_cast<T>(i);
        if (name != names[static_cast<size_t>(value)])
            complain(key, fmt::format("one of {}", fmt::join(names, ", ")));
    }

    [[nodiscard]] const InputJson* member(const char* key) const {
        if (!m_json.is_object()) return nullptr;
        const auto it = m_json.find(key);
        return it == m_json.end() ? nullptr : &*it;
    }
    [[nodiscard]] bool has(const char* key) const { return member(key) != nullptr; }
    [[nodiscard]] Reader child(const char* key) const {
        static const InputJson kEmpty = InputJson::object();
        const InputJson* found = member(key);
        return {found != nullptr ? *found : kEmpty, m_path + key + ".", m_error};
    }

    void complain(const std::string& key, const std::string& expected) const {
        if (m_error) return;
        m_error = Error{ErrorKind::Malformed, "expected " + expected, {}, m_path + key, "Correct this field"};
    }
    void complain(const std::string& key, const Error& inner) const {
        if (m_error) return;
        m_error = inner;
        m_error->field = m_path + key + (inner.field.empty() ? "" : ": " + inner.field);
    }

 private:
    const InputJson& m_json;
    std::string m_path;
    std::optional<Error>& m_error;
};

Json modelJson(const ModelSource& s) {
    Json json = {{"model", s.modelPath}, {"text", s.textPath}};
    if (!s.calibrationPath.empty()) json["calibration"] = s.calibrationPath;
    // Without a text the number is kept for when there is one.
    if (!s.calibrationPath.empty() || s.calibrationChunks != ModelSource{}.calibrationChunks)
        json["calibrationChunks"] = s.calibrationChunks;
    if (!s.calibrationFile.empty()) json["calibrationFile"] = s.calibrationFile;
    if (!s.resumeFolder.empty()) json["resumeFolder"] = s.resumeFolder;
    return json;
}

Json regionJson(const MatrixRegion& r) {
    return Json::array({r.rowBegin, r.rowEnd, r.colBegin, r.colEnd});
}

void readRegion(const Reader& reader, const char* key, MatrixRegion& region) {
    const InputJson* found = reader.member(key);
    if (found == nullptr) return;
    const auto valid = [](const InputJson& j) {
        return j.is_number_unsigned() && j.get<uint64_t>() < (1ULL << 40);
    };
    if (!found->is_array() || found->size() != 4 || !std::all_of(found->begin(), found->end(), valid)) {
        reader.complain(key, "four whole numbers: first row, row end, first column, column end");
        return;
    }
    region = {(*found)[0], (*found)[1], (*found)[2], (*found)[3]};
}

MatrixSource readMatrix(const Reader& reader) {
    if (reader.has("synthetic")) {
        SyntheticSource source;
        reader.text("synthetic", source.spec);
        return source;
    }
    if (reader.has("layer")) {
        ActivationSource source;
        reader.text("model", source.modelPath);
        reader.text("text", source.textPath);
        reader.text("layer", source.layer);
        reader.integer("tokens", source.tokens, 1, 1 << 20);
        return source;
    }
    TensorSource source;
    reader.text("path", source.path);
    reader.text("tensor", source.tensor);
    return source;
}

Json variantList(const std::vector<Variant>& variants) {
    Json list = Json::array();
    for (const Variant& variant : variants) list.push_back(variantText(variant));
    return list;
}

void readVariants(const Reader& reader, const char* key, std::vector<Variant>& variants) {
    const InputJson* list = reader.member(key);
    if (list == nullptr || !list->is_array() || list->empty() || list->size() > 1000) {
        reader.complain(key, "a list of one or more variant texts");
        return;
    }
    variants.clear();
    for (const InputJson& item : *list) {
        const std::string where = fmt::format("{}[{}]", key, variants.size());
        if (!item.is_string()) return reader.complain(where, "a text such as int4/affine/group=64");
        auto parsed = parseVariant(item.get<std::string>());
        if (!parsed) return reader.complain(where, parsed.error());
        variants.push_back(std::move(*parsed));
    }
}

Json matmulJson(const Experiment& e) {
    const MatmulProtocol& p = e.matmulProtocol;
    Json json = {{"x", std::visit(SourceJson{}, e.matmul.x)},
                 {"w", std::visit(SourceJson{}, e.matmul.w)},
                 {"inputsByOutputs", e.matmul.inputsByOutputs},
                 {"variant", p.variant},
                 {"row", p.row},
                 {"channel", p.channel},
                 {"step", p.step},
                 {"relu", p.relu},
                 {"measurement", p.measurement}};
    if (!e.products.empty()) json["products"] = variantList(e.products);
    return json;
}

/// Sessions from before the Matmul lab have none: it starts with its defaults.
void readMatmul(const Reader& root, Experiment& e) {
    if (!root.has("matmul")) {
        e.products = defaultProducts();
        return;
    }
    const Reader reader = root.child("matmul");
    e.matmul.x = readMatrix(reader.child("x"));
    e.matmul.w = readMatrix(reader.child("w"));
    reader.flag("inputsByOutputs", e.matmul.inputsByOutputs);
    if (reader.has("products")) readVariants(reader, "products", e.products);
    constexpr int64_t kMost = int64_t{1} << 40;
    reader.integer("variant", e.matmulProtocol.variant, 0, 1000);
    reader.integer("row", e.matmulProtocol.row, 0, kMost);
    reader.integer("channel", e.matmulProtocol.channel, 0, kMost);
    reader.integer("step", e.matmulProtocol.step, 0, kMost);
    reader.flag("relu", e.matmulProtocol.relu);
    reader.integer("measurement", e.matmulProtocol.measurement, 0, 1 << 30);
}

void readEvaluation(const Reader& reader, EvaluationProtocol& p) {
    reader.choice("rule", p.rule, kRuleNames);
    reader.choice("order", p.order, kOrderNames);
    reader.integer("window", p.window, 2, 1 << 20);
    reader.integer("stride", p.stride, 1, 1 << 20);
    reader.integer("chunks", p.maxChunks, 0, std::numeric_limits<int>::max());
    reader.integer("memory", p.memoryBudgetBytes, 1 << 20, int64_t{1} << 50);
}

}  // namespace

std::string experimentJson(const Experiment& e) {
    const TensorProtocol& t = e.tensorProtocol;
    const ModelProtocol& m = e.modelProtocol;
    const EvaluationProtocol& v = m.evaluation;
    const Json json = {
        {"quantscope", kVersion},
        {"matrix", std::visit(SourceJson{}, e.matrix)},
        {"model", modelJson(e.model)},
        {"variants", variantList(e.variants)},
        {"tensorProtocol",
         {{"bins", t.histogramBins},
          {"clipPoints", t.clipCurvePoints},
          {"heatmapVariant", t.heatmapVariant},
          {"heatmapRegion", regionJson(t.heatmapRegion)}}},
        {"modelProtocol",
         {{"rule", kRuleNames[static_cast<size_t>(v.rule)]},
          {"window", v.window},
          {"stride", v.stride},
          {"chunks", v.maxChunks},
          {"order", kOrderNames[static_cast<size_t>(v.order)]},
          {"memory", v.memoryBudgetBytes},
          {"layerTokens", m.layerTokens},
          {"layerVariant", m.layerVariant},
          {"layer", m.layer}}},
        {"matmul", matmulJson(e)},
    };
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Experiment> parseExperiment(std::string_view text) {
    const Result<InputJson> json = parseJson(text);
    if (!json || !json->is_object())
        return fail(ErrorKind::Malformed, json ? "not a JSON object" : json.error().message,
                    json ? std::string() : json.error().field, "Open a session or experiment file");
    std::optional<Error> error;
    const Reader root(*json, "", error);
    int version = 0;
    root.integer("quantscope", version, 1, kVersion);
    if (version == 0) root.complain("quantscope", fmt::format("the format's version, {}", kVersion));
    Experiment e;
    e.matrix = readMatrix(root.child("matrix"));
    const Reader model = root.child("model");
    model.text("model", e.model.modelPath);
    model.text("text", e.model.textPath);
    model.text("calibration", e.model.calibrationPath);
    model.integer("calibrationChunks", e.model.calibrationChunks, 0, 1 << 20);
    model.text("calibrationFile", e.model.calibrationFile);
    model.text("resumeFolder", e.model.resumeFolder);
    readVariants(root, "variants", e.variants);
    const Reader t = root.child("tensorProtocol");
    t.integer("bins", e.tensorProtocol.histogramBins, 2, 2048);
    t.integer("clipPoints", e.tensorProtocol.clipCurvePoints, 2, 2048);
    t.integer("heatmapVariant", e.tensorProtocol.heatmapVariant, 0, 1000);
    readRegion(t, "heatmapRegion", e.tensorProtocol.heatmapRegion);
    const Reader m = root.child("modelProtocol");
    readEvaluation(m, e.modelProtocol.evaluation);
    m.integer("layerTokens", e.modelProtocol.layerTokens, 0, 1 << 20);
    m.integer("layerVariant", e.modelProtocol.layerVariant, 0, 1000);
    m.text("layer", e.modelProtocol.layer);
    readMatmul(root, e);
    if (error) return fail(std::move(*error));
    return e;
}

}  // namespace quantscope
