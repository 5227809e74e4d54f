// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "export/gguf_export.h"
#include "io/json_input.h"

namespace quantscope {
namespace {

constexpr uint64_t kLargestTokenizer = uint64_t{1} << 28;

/// llama.cpp's names of the pre-tokenizers of tokenizer.json, by a part of their text. The first that fits.
struct KnownPattern {
    std::string_view contains;
    std::string_view name;
};
constexpr std::array<KnownPattern, 5> kPatterns = {{
    {R"(\\p{N}{1,3})", "llama-bpe"},
    {R"([^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|)", "qwen2"},
    {R"( ?\\p{L}+|\\p{N}| ?)", "smollm"},
    {R"("Digits")", "smollm"},
    {R"("ByteLevel")", "gpt-2"},
}};

Result<std::string> preTokenizerName(const nlohmann::json& tokenizer) {
    const std::string text = tokenizer.value("pre_tokenizer", nlohmann::json()).dump();
    for (const KnownPattern& known : kPatterns)
        if (text.find(known.contains) != std::string::npos) return std::string(known.name);
    return fail(ErrorKind::Unsupported, "llama.cpp has no name for this pre-tokenizer", "pre_tokenizer",
                "Convert the model with llama.cpp's own converter");
}

/// Vocabulary, merges and kinds of tokens into the metadata.
Status addTokens(const nlohmann::json& json, int64_t vocabulary, Metadata& metadata) {
    const nlohmann::json model = json.value("model", nlohmann::json::object());
    if (model.value("type", "") != "BPE" || !model.contains("vocab") || !model["vocab"].is_object() ||
        !model.contains("merges") || !model["merges"].is_array())
        return fail(ErrorKind::Unsupported, "only byte-level BPE tokenizers are written to GGUF",
                    "tokenizer.json", "Convert the model with llama.cpp's own converter");
    std::vector<std::string> tokens(static_cast<size_t>(vocabulary));
    std::vector<int64_t> types(tokens.size(), 5);  // unused until a token takes the place
    const auto put = [&](const nlohmann::json& id, const std::string& text, int64_t type) {
        if (!id.is_number_integer()) return false;
        const auto at = id.get<int64_t>();
        if (at < 0 || at >= vocabulary) return false;
        tokens[static_cast<size_t>(at)] = text;
        types[static_cast<size_t>(at)] = type;
        return true;
    };
    const auto outside = [](const std::string& text) {
        return fail(ErrorKind::Malformed, fmt::format("token \"{}\" lies outside the vocabulary", text),
                    "tokenizer.json", "Use the tokenizer that belongs to the model");
    };
    for (const auto& [text, id] : model["vocab"].items())
        if (!put(id, text, 1)) return outside(text);
    for (const auto& added : json.value("added_tokens", nlohmann::json::array())) {
        const std::string text = added.value("content", "");
        if (!put(added.value("id", nlohmann::json()), text, added.value("special", false) ? 3 : 4))
            return outside(text);
    }
    for (size_t id = 0; id < tokens.size(); ++id)
        if (tokens[id].empty()) tokens[id] = fmt::format("[PAD{}]", id);
    std::vector<std::string> merges;
    for (const auto& merge : model["merges"]) {
        if (merge.is_string()) merges.push_back(merge.get<std::string>());
        if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string())
            merges.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
    }
    metadata["tokenizer.ggml.tokens"] = std::move(tokens);
    metadata["tokenizer.ggml.token_type"] = std::move(types);
    metadata["tokenizer.ggml.merges"] = std::move(merges);
    return {};
}

Status addTokenizer(const Model& model, const std::filesystem::path& folder, Metadata& metadata) {
    const auto text = readTextFile(folder / "tokenizer.json", kLargestTokenizer);
    if (!text) return fail(text.error());
    const auto json = parseJson(*text);
    if (!json) return fail(inFile(json.error(), (folder / "tokenizer.json").string()));
    const auto pre = json->is_object() ? preTokenizerName(*json)
                                       : Result<std::string>(fail(ErrorKind::Malformed, "this is no object"));
    if (!pre) return fail(inFile(pre.error(), (folder / "tokenizer.json").string()));
    const auto tokenizer = model.tokenizer();
    if (!tokenizer) return fail(tokenizer.error());
    metadata["tokenizer.ggml.model"] = std::string("gpt2");
    metadata["tokenizer.ggml.pre"] = *pre;
    metadata["tokenizer.ggml.add_bos_token"] = (*tokenizer)->addsBos();
    if ((*tokenizer)->bos())
        metadata["tokenizer.ggml.bos_token_id"] = static_cast<uint64_t>(*(*tokenizer)->bos());
    if ((*tokenizer)->eos())
        metadata["tokenizer.ggml.eos_token_id"] = static_cast<uint64_t>(*(*tokenizer)->eos());
    return addTokens(*json, model.config().vocabulary, metadata).map_error([&](Error error) {
        return inFile(std::move(error), (folder / "tokenizer.json").string());
    });
}

}  // namespace

Result<Metadata> ggufMetadata(const Model& model, const std::filesystem::path& folder) {
    const ModelConfig& config = model.config();
    if (config.ropeScaling == RopeScaling::Llama3)
        return fail(Error{ErrorKind::Unsupported, "Llama 3's rotary scaling needs a tensor of factors",
                          folder.string(), "rope_scaling",
                          "Convert the model with llama.cpp's own converter"});
    const auto count = [](int64_t value) { return static_cast<uint64_t>(value); };
    const std::string& name = model.architecture().ggufNames.front();
    Metadata metadata;
    metadata["general.architecture"] = name;
    const std::filesystem::path clean = folder.has_filename() ? folder : folder.parent_path();
    metadata["general.name"] = clean.filename().string();
    metadata[name + ".block_count"] = count(config.blocks);
    metadata[name + ".context_length"] = count(config.contextLength);
    metadata[name + ".embedding_length"] = count(config.hidden);
    metadata[name + ".feed_forward_length"] = count(config.feedForward);
    metadata[name + ".attention.head_count"] = count(config.heads);
    metadata[name + ".attention.head_count_kv"] = count(config.keyValueHeads);
    metadata[name + ".attention.key_length"] = count(config.headDim);
    metadata[name + ".attention.value_length"] = count(config.headDim);
    metadata[name + ".attention.layer_norm_rms_epsilon"] = static_cast<double>(config.normEpsilon);
    metadata[name + ".rope.dimension_count"] = count(config.rotaryDims);
    metadata[name + ".rope.freq_base"] = config.ropeTheta;
    metadata[name + ".vocab_size"] = count(config.vocabulary);
    if (config.ropeScaling == RopeScaling::Linear) {
        metadata[name + ".rope.scaling.type"] = std::string("linear");
        metadata[name + ".rope.scaling.factor"] = config.ropeFactor;
    }
    if (Status done = addTokenizer(model, folder, metadata); !done) return fail(done.error());
    return metadata;
}

}  // namespace quantscope
