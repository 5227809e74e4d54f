// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "io/metadata.h"
#include "model/tokenizer/bpe_tokenizer.h"

namespace quantscope {
namespace {

// Values of tokenizer.ggml.token_type.
constexpr int64_t kControl = 3;
constexpr int64_t kUserDefined = 4;
constexpr size_t kMaxTokenBytes = 1024;

tl::unexpected<Error> malformed(std::string message, std::string field) {
    return fail(ErrorKind::Malformed, std::move(message), std::move(field), "Convert the model again.");
}

std::optional<int32_t> idNamed(const Metadata& metadata, std::string_view key, size_t vocabulary) {
    const auto id = metadataInt(metadata, key);
    if (!id || *id < 0 || *id >= static_cast<int64_t>(vocabulary)) return std::nullopt;
    return static_cast<int32_t>(*id);
}

Status readMerges(const Metadata& metadata, BpeParts& parts) {
    const auto* merges = metadataStrings(metadata, "tokenizer.ggml.merges");
    if (!merges) return malformed("the merges are missing", "tokenizer.ggml.merges");
    TextIndex index;
    index.reserve(parts.tokens.size());
    for (size_t id = 0; id < parts.tokens.size(); ++id) {
        index.try_emplace(parts.tokens[id], static_cast<int32_t>(id));
    }
    parts.merges.reserve(merges->size());
    for (size_t rank = 0; rank < merges->size(); ++rank) {
        const std::string& merge = (*merges)[rank];
        const size_t space = merge.find(' ', 1);  // a token may not be empty
        if (space == std::string::npos) {
            return malformed(fmt::format("merge {} has no space between its halves", rank),
                             "tokenizer.ggml.merges");
        }
        const auto left = index.find(std::string_view(merge).substr(0, space));
        const auto right = index.find(std::string_view(merge).substr(space + 1));
        const auto whole = index.find(merge.substr(0, space) + merge.substr(space + 1));
        if (left == index.end() || right == index.end() || whole == index.end()) {
            return malformed(fmt::format("merge {} names a token the vocabulary lacks", rank),
                             "tokenizer.ggml.merges");
        }
        parts.merges.add(left->second, right->second, {static_cast<int32_t>(rank), whole->second});
    }
    return {};
}

Status readScores(const Metadata& metadata, BpeParts& parts) {
    const auto* scores = metadataDoubles(metadata, "tokenizer.ggml.scores");
    if (!scores || scores->size() != parts.tokens.size()) {
        return malformed("there is not one score for each token", "tokenizer.ggml.scores");
    }
    for (size_t id = 0; id < scores->size(); ++id) {
        if (std::isnan((*scores)[id]))
            return malformed(fmt::format("the score of token {} is no number", id), "tokenizer.ggml.scores");
        // Every cut of a token is looked up, so the time grows with the square of its length.
        if (parts.tokens[id].size() > kMaxTokenBytes)
            return malformed(fmt::format("token {} is {} bytes long", id, parts.tokens[id].size()),
                             "tokenizer.ggml.tokens");
    }
    parts.merges = mergesFromScores(parts.tokens, *scores);
    return {};
}

Status readSpecial(const Metadata& metadata, BpeParts& parts) {
    const auto* types = metadataInts(metadata, "tokenizer.ggml.token_type");
    if (!types) return {};
    if (types->size() != parts.tokens.size()) {
        return malformed("there is not one type for each token", "tokenizer.ggml.token_type");
    }
    for (size_t id = 0; id < types->size(); ++id) {
        if ((*types)[id] != kControl && (*types)[id] != kUserDefined) continue;
        parts.special.push_back({parts.tokens[id], static_cast<int32_t>(id), false, false});
        parts.control.push_back(static_cast<int32_t>(id));
    }
    return {};
}

/// Byte-level BPE: pre-tokenizer by name, merges by rank.
Status readGpt2(const Metadata& metadata, BpeParts& parts) {
    const std::string pre = metadataString(metadata, "tokenizer.ggml.pre").value_or("default");
    Result<PreTokenizer> preTokenizer = PreTokenizer::named(pre);
    if (!preTokenizer) return fail(preTokenizer.error());
    parts.preTokenizer = std::move(*preTokenizer);
    const bool llama3 = pre == "llama-bpe" || pre == "llama3" || pre == "llama-v3";
    parts.ignoreMerges = llama3 || pre == "tekken";
    parts.addsBos = metadataBool(metadata, "tokenizer.ggml.add_bos_token").value_or(parts.ignoreMerges);
    if (metadataBool(metadata, "tokenizer.ggml.add_space_prefix").value_or(false)) {
        parts.spacePrefix = SpacePrefix::EveryFragment;
    }
    return readMerges(metadata, parts);
}

/// SentencePiece BPE: merges by score, bytes as a fallback.
Status readLlama(const Metadata& metadata, BpeParts& parts) {
    parts.alphabet = TokenAlphabet::Characters;
    parts.addsBos = metadataBool(metadata, "tokenizer.ggml.add_bos_token").value_or(true);
    if (metadataBool(metadata, "tokenizer.ggml.add_space_prefix").value_or(true)) {
        parts.spacePrefix = SpacePrefix::EveryFragment;
    }
    return readScores(metadata, parts);
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> tokenizerFromGguf(const Metadata& metadata) {
    const auto kind = metadataString(metadata, "tokenizer.ggml.model");
    const auto* tokens = metadataStrings(metadata, "tokenizer.ggml.tokens");
    if (!kind || !tokens) {
        return fail(ErrorKind::NotFound, "the file has no tokenizer", "tokenizer.ggml.model",
                    "Open a language model with its tokenizer inside.");
    }
    if (*kind != "gpt2" && *kind != "llama") {
        return fail(ErrorKind::Unsupported, fmt::format("tokenizers of kind \"{}\" are not handled", *kind),
                    "tokenizer.ggml.model", "Use a model whose tokenizer is \"gpt2\" or \"llama\".");
    }
    BpeParts parts;
    parts.tokens = *tokens;
    parts.bos = idNamed(metadata, "tokenizer.ggml.bos_token_id", tokens->size());
    parts.eos = idNamed(metadata, "tokenizer.ggml.eos_token_id", tokens->size());
    if (*kind == "llama")
        parts.unknown = idNamed(metadata, "tokenizer.ggml.unknown_token_id", tokens->size());
    if (Status read = *kind == "gpt2" ? readGpt2(metadata, parts) : readLlama(metadata, parts); !read) {
        return fail(read.error());
    }
    if (Status read = readSpecial(metadata, parts); !read) return fail(read.error());
    if (!parts.bos) parts.addsBos = false;
    return makeBpeTokenizer(std::move(parts));
}

}  // namespace quantscope
