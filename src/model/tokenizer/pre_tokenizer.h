// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace quantscope {

/// Byte position of the first byte that is not well-formed UTF-8 (RFC 3629), or nothing.
std::optional<size_t> firstInvalidUtf8(std::string_view text);

/// A compiled regular expression over UTF-8 with Unicode classes (PCRE2, JIT).
class Pattern {
 public:
    /// InvalidArgument with PCRE2's message and the position in the pattern.
    static Result<Pattern> compile(std::string_view pattern);

    /// Cuts `text` (valid UTF-8) into matches and the stretches between them, in order; nothing is lost.
    /// InvalidArgument where the pattern backtracks past PCRE2's limits.
    Status split(std::string_view text, std::vector<std::string_view>& pieces) const;

 private:
    struct Compiled;
    std::shared_ptr<const Compiled> m_compiled;
};

/// Cuts text into the pieces inside which byte pairs are merged: patterns applied one after the other, each
/// to the pieces of the one before.
class PreTokenizer {
 public:
    PreTokenizer() = default;
    explicit PreTokenizer(std::vector<Pattern> steps) : m_steps(std::move(steps)) {}

    /// By the name in GGUF's tokenizer.ggml.pre: "gpt-2", "llama-bpe", "smollm", "qwen2", "tekken",
    /// "default". Unsupported names the ones there are.
    static Result<PreTokenizer> named(std::string_view name);

    /// Fails as Pattern::split() does.
    [[nodiscard]] Result<std::vector<std::string_view>> split(std::string_view text) const;

 private:
    std::vector<Pattern> m_steps;
};

/// GPT-2's pattern: contractions, words, numbers, other, spaces; each with one leading space.
std::string_view gpt2Pattern();

}  // namespace quantscope
