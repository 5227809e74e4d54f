// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/checkpoint.h"

namespace quantscope {

/// Text to token ids and back. Immutable; safe to use from several threads.
class Tokenizer {
 public:
    virtual ~Tokenizer() = default;

    /// Ids of `text` (UTF-8), special tokens written out in the text included, without BOS. Invalid UTF-8 is
    /// InvalidArgument and names the byte position.
    [[nodiscard]] virtual Result<std::vector<int32_t>> encode(std::string_view text) const = 0;
    /// The bytes the ids stand for; may end inside a character when the ids do. Ids outside the vocabulary
    /// are InvalidArgument.
    [[nodiscard]] virtual Result<std::string> decode(std::span<const int32_t> ids) const = 0;
    /// One token's bytes; empty for ids outside the vocabulary.
    [[nodiscard]] virtual std::string tokenText(int32_t id) const = 0;

    [[nodiscard]] virtual int64_t vocabulary() const = 0;
    [[nodiscard]] virtual std::optional<int32_t> bos() const = 0;
    [[nodiscard]] virtual std::optional<int32_t> eos() const = 0;
    /// Whether the model wants BOS before a text (and in the place of each window's first token).
    [[nodiscard]] virtual bool addsBos() const = 0;
};

/// From GGUF metadata: tokenizer.ggml.model "gpt2" (byte-level BPE; the pre-tokenizer by tokenizer.ggml.pre)
/// or "llama" (SentencePiece BPE by scores). Unsupported names what it found.
Result<std::shared_ptr<const Tokenizer>> tokenizerFromGguf(const Metadata& metadata);

/// From the text of tokenizer.json, and of tokenizer_config.json (may be empty) for BOS.
Result<std::shared_ptr<const Tokenizer>> tokenizerFromJson(std::string_view tokenizerJson,
                                                           std::string_view configJson = {});

}  // namespace quantscope
