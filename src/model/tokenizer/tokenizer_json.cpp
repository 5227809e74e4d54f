// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <utility>

#include "io/json_input.h"
#include "model/tokenizer/bpe_tokenizer.h"

namespace quantscope {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxVocabulary = size_t{1} << 22;

tl::unexpected<Error> malformed(std::string message, std::string field) {
    return fail(ErrorKind::Malformed, std::move(message), std::move(field), "Save the tokenizer again.");
}
tl::unexpected<Error> unsupported(std::string message, std::string field) {
    return fail(ErrorKind::Unsupported, std::move(message), std::move(field),
                "Use a byte-pair tokenizer as Llama-family models have it.");
}

/// A member of the object, or null; never throws.
const Json& member(const Json& object, const char* key) {
    static const Json null;
    if (!object.is_object()) return null;
    const auto found = object.find(key);
    return found == object.end() ? null : *found;
}
std::string textOf(const Json& value) {
    return value.is_string() ? value.get<std::string>() : std::string();
}
bool flagOf(const Json& object, const char* key, bool otherwise) {
    const Json& value = member(object, key);
    return value.is_boolean() ? value.get<bool>() : otherwise;
}

std::optional<int32_t> idOf(const Json& value) {
    if (!value.is_number_unsigned() || value.get<uint64_t>() >= kMaxVocabulary) return std::nullopt;
    return static_cast<int32_t>(value.get<uint64_t>());
}

Status place(std::vector<std::string>& tokens, int32_t id, std::string text) {
    const auto index = static_cast<size_t>(id);
    if (index >= tokens.size()) tokens.resize(index + 1);
    tokens[index] = std::move(text);
    return {};
}

Status readVocabulary(const Json& model, BpeParts& parts, TextIndex& index) {
    const Json& vocabulary = member(model, "vocab");
    if (!vocabulary.is_object() || vocabulary.empty()) {
        return malformed("the vocabulary is missing", "tokenizer.json: model.vocab");
    }
    for (const auto& [text, value] : vocabulary.items()) {
        const auto id = idOf(value);
        // Ids may leave gaps, yet not so many that a small file asks for a large table.
        if (!id || static_cast<size_t>(*id) > 2 * vocabulary.size() + 65536) {
            return malformed(fmt::format("the token \"{}\" has no sensible id", text),
                             "tokenizer.json: model.vocab");
        }
        if (Status done = place(parts.tokens, *id, text); !done) return done;
        index.try_emplace(text, *id);
    }
    return {};
}

/// A merge is "left right" or ["left", "right"].
Status readMerges(const Json& model, BpeParts& parts, const TextIndex& index) {
    const Json& merges = member(model, "merges");
    if (!merges.is_array()) return malformed("the merges are missing", "tokenizer.json: model.merges");
    parts.merges.reserve(merges.size());
    int32_t rank = 0;
    for (const Json& merge : merges) {
        std::string left;
        std::string right;
        if (merge.is_string()) {
            const auto text = merge.get<std::string>();
            const size_t space = text.find(' ', text.empty() ? 0 : 1);
            if (space != std::string::npos) {
                left = text.substr(0, space);
                right = text.substr(space + 1);
            }
        } else if (merge.is_array() && merge.size() == 2) {
            left = textOf(merge[0]);
            right = textOf(merge[1]);
        }
        const auto first = index.find(left);
        const auto second = index.find(right);
        const auto whole = index.find(left + right);
        if (first == index.end() || second == index.end() || whole == index.end()) {
            return malformed(fmt::format("merge {} does not name tokens of the vocabulary", rank),
                             "tokenizer.json: model.merges");
        }
        parts.merges.add(first->second, second->second, {rank++, whole->second});
    }
    return {};
}

Status readAddedTokens(const Json& root, BpeParts& parts) {
    const Json& added = member(root, "added_tokens");
    if (added.is_null()) return {};
    if (!added.is_array()) return malformed("is not a list", "tokenizer.json: added_tokens");
    const size_t limit = parts.tokens.size() + 2 * added.size() + 65536;
    for (const Json& token : added) {
        const auto id = idOf(member(token, "id"));
        const std::string text = textOf(member(token, "content"));
        if (!id || text.empty() || static_cast<size_t>(*id) > limit) {
            return malformed("an entry has no id or no content", "tokenizer.json: added_tokens");
        }
        if (Status done = place(parts.tokens, *id, text); !done) return done;
        parts.special.push_back({text, *id, flagOf(token, "lstrip", false), flagOf(token, "rstrip", false)});
        parts.control.push_back(*id);
    }
    return {};
}

Status addStep(std::vector<Pattern>& steps, std::string_view pattern) {
    Result<Pattern> compiled = Pattern::compile(pattern);
    if (!compiled) return fail(compiled.error());
    steps.push_back(std::move(*compiled));
    return {};
}

/// A pattern that matches this text and nothing else.
std::string literalPattern(std::string_view literal) {
    std::string pattern;
    for (const char c : literal) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = byte >= 0x80 || std::isalnum(byte) != 0;
        pattern += plain ? std::string(1, c) : fmt::format("\\x{{{:x}}}", byte);
    }
    return pattern;
}

Status readSplit(const Json& step, std::vector<Pattern>& steps) {
    const std::string behavior = textOf(member(step, "behavior"));
    const bool keepsAll = behavior == "Isolated" || (behavior == "Removed" && flagOf(step, "invert", false));
    if (!keepsAll)
        return unsupported(fmt::format("the split behavior \"{}\" is not handled", behavior),
                           "tokenizer.json: pre_tokenizer");
    const Json& pattern = member(step, "pattern");
    const std::string literal = textOf(member(pattern, "String"));
    return addStep(steps, literal.empty() ? textOf(member(pattern, "Regex")) : literalPattern(literal));
}

Status readPreTokenizer(const Json& step, BpeParts& parts, std::vector<Pattern>& steps) {
    if (step.is_null()) return {};
    const std::string type = textOf(member(step, "type"));
    if (type == "Sequence") {
        const Json& list = member(step, "pretokenizers");
        if (!list.is_array()) return malformed("has no list of steps", "tokenizer.json: pre_tokenizer");
        for (const Json& inner : list) {
            if (textOf(member(inner, "type")) == "Sequence") {
                return unsupported("sequences inside sequences are not handled",
                                   "tokenizer.json: pre_tokenizer");
            }
            if (Status read = readPreTokenizer(inner, parts, steps); !read) return read;
        }
        return {};
    }
    if (type == "Split") return readSplit(step, steps);
    if (type == "Digits") {
        return addStep(steps, flagOf(step, "individual_digits", false) ? R"(\p{N})" : R"(\p{N}+)");
    }
    if (type == "ByteLevel") {
        parts.alphabet = TokenAlphabet::ByteLevel;
        if (flagOf(step, "add_prefix_space", true)) parts.spacePrefix = SpacePrefix::EveryFragment;
        return flagOf(step, "use_regex", true) ? addStep(steps, gpt2Pattern()) : Status{};
    }
    if (type == "Metaspace") {
        const std::string scheme = textOf(member(step, "prepend_scheme"));
        parts.spacePrefix = scheme == "never"   ? SpacePrefix::Never
                            : scheme == "first" ? SpacePrefix::FirstFragment
                                                : SpacePrefix::EveryFragment;
        return flagOf(step, "split", true) ? addStep(steps, "\xE2\x96\x81[^\xE2\x96\x81]*|[^\xE2\x96\x81]+")
                                           : Status{};
    }
    return unsupported(fmt::format("the pre-tokenizer \"{}\" is not handled", type),
                       "tokenizer.json: pre_tokenizer");
}

/// SentencePiece models state their leading space and space mark here.
Status readNormalizer(const Json& step, BpeParts& parts) {
    if (step.is_null()) return {};
    const std::string type = textOf(member(step, "type"));
    if (type == "Sequence") {
        for (const Json& inner : member(step, "normalizers")) {
            if (textOf(member(inner, "type")) == "Sequence") break;
            if (Status read = readNormalizer(inner, parts); !read) return read;
        }
        return {};
    }
    if (type == "Prepend") {
        parts.spacePrefix = SpacePrefix::EveryFragment;
        return {};
    }
    if (type == "Replace" && textOf(member(member(step, "pattern"), "String")) == " ") return {};
    return unsupported(fmt::format("the normalizer \"{}\" is not handled", type),
                       "tokenizer.json: normalizer");
}

bool startsWithBos(const Json& processor) {
    if (textOf(member(processor, "type")) == "Sequence") {
        const Json& list = member(processor, "processors");
        return list.is_array() && std::ranges::any_of(list, [](const Json& inner) {
                   return textOf(member(inner, "type")) != "Sequence" && startsWithBos(inner);
               });
    }
    const Json& single = member(processor, "single");
    return single.is_array() && !single.empty() && member(single[0], "SpecialToken").is_object();
}

std::optional<int32_t> specialNamed(const BpeParts& parts, const Json& value,
                                    std::vector<std::string> usual) {
    std::string name = value.is_object() ? textOf(member(value, "content")) : textOf(value);
    if (!name.empty()) usual.insert(usual.begin(), std::move(name));
    for (const std::string& text : usual) {
        for (const SpecialToken& token : parts.special) {
            if (token.text == text) return token.id;
        }
    }
    return std::nullopt;
}

void readConfig(const Json& config, const Json& root, BpeParts& parts) {
    parts.bos = specialNamed(parts, member(config, "bos_token"),
                             {"<|begin_of_text|>", "<s>", "<|im_start|>", "<|endoftext|>"});
    parts.eos = specialNamed(parts, member(config, "eos_token"),
                             {"<|end_of_text|>", "</s>", "<|im_end|>", "<|endoftext|>"});
    const bool processor = startsWithBos(member(root, "post_processor"));
    parts.addsBos = parts.bos.has_value() && flagOf(config, "add_bos_token", processor);
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> tokenizerFromJson(std::string_view tokenizerJson,
                                                           std::string_view configJson) {
    Result<Json> parsed = parseJson(tokenizerJson);
    if (!parsed) return fail(parsed.error());
    const Json& root = *parsed;
    Result<Json> config = configJson.empty() ? Json() : parseJson(configJson);
    if (!config) return fail(config.error());
    const Json& model = member(root, "model");
    const std::string type = textOf(member(model, "type"));
    if (!type.empty() && type != "BPE") {
        return unsupported(fmt::format("tokenizers of type \"{}\" are not handled", type),
                           "tokenizer.json: model.type");
    }
    BpeParts parts;
    parts.alphabet =
        flagOf(model, "byte_fallback", false) ? TokenAlphabet::Characters : TokenAlphabet::ByteLevel;
    parts.ignoreMerges = flagOf(model, "ignore_merges", false);
    TextIndex index;
    if (Status read = readVocabulary(model, parts, index); !read) return fail(read.error());
    if (Status read = readMerges(model, parts, index); !read) return fail(read.error());
    if (Status read = readAddedTokens(root, parts); !read) return fail(read.error());
    std::vector<Pattern> steps;
    if (Status read = readNormalizer(member(root, "normalizer"), parts); !read) return fail(read.error());
    if (Status read = readPreTokenizer(member(root, "pre_tokenizer"), parts, steps); !read)
        return fail(read.error());
    parts.preTokenizer = PreTokenizer(std::move(steps));
    if (const auto unknown = index.find(textOf(member(model, "unk_token"))); unknown != index.end()) {
        parts.unknown = unknown->second;
    }
    readConfig(*config, root, parts);
    return makeBpeTokenizer(std::move(parts));
}

}  // namespace quantscope
