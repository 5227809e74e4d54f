// SPDX-License-Identifier: Apache-2.0
#include "app/experiment/json_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace quantscope {
namespace {

struct SourceJson {
    OrderedJson operator()(const TensorSource& s) const { return {{"path", s.path}, {"tensor", s.tensor}}; }
    OrderedJson operator()(const SyntheticSource& s) const { return {{"synthetic", s.spec}}; }
    OrderedJson operator()(const ActivationSource& s) const {
        return {{"model", s.modelPath}, {"text", s.textPath}, {"layer", s.layer}, {"tokens", s.tokens}};
    }
};

MatrixSource readMatrix(const JsonReader& reader) {
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

}  // namespace

JsonReader::JsonReader(const nlohmann::json& json, std::string path, std::optional<Error>& error)
    : m_json(json), m_path(std::move(path)), m_error(error) {
    if (!m_json.is_object()) complain("", "an object");
}

void JsonReader::text(const char* key, std::string& value) const {
    const nlohmann::json* found = member(key);
    if (found == nullptr) return;
    if (!found->is_string()) return complain(key, "a text");
    value = found->get<std::string>();
}

void JsonReader::flag(const char* key, bool& value) const {
    const nlohmann::json* found = member(key);
    if (found == nullptr) return;
    if (!found->is_boolean()) return complain(key, "true or false");
    value = found->get<bool>();
}

std::optional<int64_t> JsonReader::integerOf(const char* key, int64_t minimum, int64_t maximum) const {
    const nlohmann::json* found = member(key);
    if (found == nullptr) return std::nullopt;
    if (!found->is_number_integer() || found->get<double>() < static_cast<double>(minimum) ||
        found->get<double>() > static_cast<double>(maximum)) {
        complain(key, fmt::format("a whole number from {} to {}", minimum, maximum));
        return std::nullopt;
    }
    return found->get<int64_t>();
}

std::optional<size_t> JsonReader::choiceOf(const char* key, const std::vector<std::string>& names) const {
    std::string name;
    text(key, name);
    if (name.empty()) return std::nullopt;
    const auto found = std::find(names.begin(), names.end(), name);
    if (found != names.end()) return static_cast<size_t>(found - names.begin());
    complain(key, fmt::format("one of {}", fmt::join(names, ", ")));
    return std::nullopt;
}

void JsonReader::variants(const char* key, std::vector<Variant>& value) const {
    const nlohmann::json* list = member(key);
    if (list == nullptr || !list->is_array() || list->empty() || list->size() > 1000) {
        return complain(key, "a list of one or more variant texts");
    }
    value.clear();
    for (const nlohmann::json& item : *list) {
        const std::string where = fmt::format("{}[{}]", key, value.size());
        if (!item.is_string()) return complain(where, "a text such as int4/affine/group=64");
        auto parsed = parseVariant(item.get<std::string>());
        if (!parsed) return complain(where, parsed.error());
        value.push_back(std::move(*parsed));
    }
}

void JsonReader::matrix(const char* key, MatrixSource& value) const {
    if (has(key)) value = readMatrix(child(key));
}

const nlohmann::json* JsonReader::member(const char* key) const {
    if (!m_json.is_object()) return nullptr;
    const auto it = m_json.find(key);
    return it == m_json.end() ? nullptr : &*it;
}

JsonReader JsonReader::child(const char* key) const {
    static const nlohmann::json kEmpty = nlohmann::json::object();
    const nlohmann::json* found = member(key);
    return {found != nullptr ? *found : kEmpty, m_path + key + ".", m_error};
}

void JsonReader::complain(const std::string& key, const std::string& expected) const {
    if (m_error) return;
    m_error = Error{ErrorKind::Malformed, "expected " + expected, {}, m_path + key, "Correct this field"};
}

void JsonReader::complain(const std::string& key, const Error& inner) const {
    if (m_error) return;
    m_error = inner;
    m_error->field = m_path + key + (inner.field.empty() ? "" : ": " + inner.field);
}

OrderedJson matrixJson(const MatrixSource& source) {
    return std::visit(SourceJson{}, source);
}

OrderedJson variantsJson(const std::vector<Variant>& variants) {
    OrderedJson list = OrderedJson::array();
    for (const Variant& variant : variants) list.push_back(variantText(variant));
    return list;
}

}  // namespace quantscope
