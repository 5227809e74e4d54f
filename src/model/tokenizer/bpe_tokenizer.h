// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/tokenizer/byte_pairs.h"
#include "model/tokenizer/pre_tokenizer.h"
#include "model/tokenizer/tokenizer.h"

namespace quantscope {

/// How bytes become the first symbols. ByteLevel: every byte is a printable character of GPT-2's table.
/// Characters: every character is a symbol, those the vocabulary lacks fall back to <0xNN> byte tokens, and a
/// space is written U+2581 (SentencePiece).
enum class TokenAlphabet { ByteLevel, Characters };

/// When a fragment of text gets a leading space before it is cut.
enum class SpacePrefix { Never, FirstFragment, EveryFragment };

/// A token that is looked for in the text before anything else.
struct SpecialToken {
    std::string text;
    int32_t id = 0;
    bool eatsSpaceBefore = false;
    bool eatsSpaceAfter = false;
};

/// Everything a byte-pair tokenizer consists of, as its file states it.
struct BpeParts {
    TokenAlphabet alphabet = TokenAlphabet::ByteLevel;
    std::vector<std::string> tokens;  ///< by id, in the alphabet's spelling
    MergeTable merges;
    PreTokenizer preTokenizer;
    SpacePrefix spacePrefix = SpacePrefix::Never;
    bool ignoreMerges = false;  ///< a piece that is a token needs no merging (Llama 3)
    std::vector<SpecialToken> special;
    std::vector<int32_t> control;  ///< ids spelled literally, whatever the alphabet
    std::optional<int32_t> unknown;
    std::optional<int32_t> bos;
    std::optional<int32_t> eos;
    bool addsBos = false;
};

/// Merges from scores, as SentencePiece does: any two tokens whose concatenation is a token may merge, the
/// highest score first.
MergeTable mergesFromScores(const std::vector<std::string>& tokens, const std::vector<double>& scores);

std::shared_ptr<const Tokenizer> makeBpeTokenizer(BpeParts parts);

/// GPT-2's spelling of a byte as UTF-8: printable Latin-1 as itself, the other 68 from U+0100 on.
const std::array<std::string, 256>& byteSpellings();

}  // namespace quantscope
