// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "export/huggingface_view.h"
#include "io/metadata.h"

namespace quantscope {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
// GGUF's token types.
constexpr int64_t kControl = 3;
constexpr int64_t kUserDefined = 4;

Json byteLevel(bool useRegex) {
    return {
        {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", useRegex}};
}

Json sequence(Json first, Json second) {
    return {{"type", "Sequence"}, {"pretokenizers", {std::move(first), std::move(second)}}};
}

Json split(std::string_view pattern) {
    return sequence(
        {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}},
        byteLevel(false));
}

Result<Json> preTokenizer(const std::string& name) {
    if (name == "smollm") return sequence({{"type", "Digits"}, {"individual_digits", true}}, byteLevel(true));
    if (name == "gpt-2") return byteLevel(true);
    if (name == "llama-bpe") return split(kLlama3Pattern);
    if (name == "qwen2") return split(kQwen2Pattern);
    return fail(ErrorKind::Unsupported, fmt::format("the pre-tokenizer \"{}\" has no known form there", name),
                "tokenizer.ggml.pre", "Copy tokenizer.json from the model's own folder");
}

const std::vector<int64_t>* integers(const Metadata& metadata, std::string_view key) {
    const auto found = metadata.find(key);
    return found == metadata.end() ? nullptr : std::get_if<std::vector<int64_t>>(&found->second);
}

}  // namespace

Result<std::string> tokenizerJson(const Metadata& metadata) {
    const std::string model = metadataString(metadata, "tokenizer.ggml.model").value_or("");
    const auto* tokens = metadataStrings(metadata, "tokenizer.ggml.tokens");
    const auto* merges = metadataStrings(metadata, "tokenizer.ggml.merges");
    if (model != "gpt2" || tokens == nullptr || merges == nullptr)
        return fail(ErrorKind::Unsupported, fmt::format("the tokenizer \"{}\" is no byte-level BPE", model),
                    "tokenizer.ggml.model", "Copy tokenizer.json from the model's own folder");
    const std::string pre = metadataString(metadata, "tokenizer.ggml.pre").value_or("default");
    auto cutting = preTokenizer(pre);
    if (!cutting) return fail(cutting.error());
    const auto* types = integers(metadata, "tokenizer.ggml.token_type");
    Json vocabulary = Json::object();
    Json added = Json::array();
    auto& byName = vocabulary.get_ref<Json::object_t&>();
    byName.reserve(tokens->size());
    for (size_t id = 0; id < tokens->size(); ++id) {
        // Straight into the object: its own insertion looks for the key first, quadratic in the vocabulary.
        byName.push_back({(*tokens)[id], id});
        const int64_t type = types != nullptr && id < types->size() ? (*types)[id] : 1;
        if (type != kControl && type != kUserDefined) continue;
        added.push_back({{"id", id},
                         {"content", (*tokens)[id]},
                         {"single_word", false},
                         {"lstrip", false},
                         {"rstrip", false},
                         {"normalized", false},
                         {"special", type == kControl}});
    }
    Json pairs = Json::array();
    for (const std::string& merge : *merges) {
        const size_t space = merge.find(' ', 1);
        if (space == std::string::npos) continue;
        pairs.push_back({merge.substr(0, space), merge.substr(space + 1)});
    }
    const Json json = {
        {"version", "1.0"},
        {"truncation", nullptr},
        {"padding", nullptr},
        {"added_tokens", std::move(added)},
        {"normalizer", nullptr},
        {"pre_tokenizer", std::move(*cutting)},
        {"post_processor", nullptr},
        {"decoder",
         {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}}},
        {"model",
         {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", nullptr},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", false},
          {"byte_fallback", false},
          {"ignore_merges", pre == "llama-bpe"},
          {"vocab", std::move(vocabulary)},
          {"merges", std::move(pairs)}}}};
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace quantscope
