// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/pre_tokenizer.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <array>
#include <span>
#include <utility>

namespace quantscope {
namespace {

struct CodeDeleter {
    void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct MatchDeleter {
    void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};

/// Length of the well-formed sequence at the start of `bytes`, 0 when there is none.
size_t sequenceLength(std::span<const unsigned char> bytes) {
    const unsigned lead = bytes[0];
    if (lead < 0x80) return 1;
    const size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                          : lead >= 0xE0 && lead <= 0xEF ? 3
                          : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                         : 0;
    if (length == 0 || bytes.size() < length) return 0;
    for (size_t i = 1; i < length; ++i) {
        if ((bytes[i] & 0xC0) != 0x80) return 0;
    }
    // Overlong forms, surrogates, above U+10FFFF: all decided by the second byte.
    const unsigned second = bytes[1];
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
        (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) {
        return 0;
    }
    return length;
}

// Patterns as the models' own tokenizer.json state them; \s etc. mean the Unicode classes.
constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kTekken =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kDigit = R"(\p{N})";

/// llama.cpp's "default": punctuation, then GPT-2's words, then numbers, then groups of three digits.
constexpr std::array<std::string_view, 4> kDefaultSteps = {R"([\p{P}\$\+<=>\^~\|]+)", kGpt2Pattern,
                                                           R"(\p{N}+)", R"([0-9][0-9][0-9])"};
constexpr std::array<std::string_view, 1> kGpt2Steps = {kGpt2Pattern};
constexpr std::array<std::string_view, 2> kSmollmSteps = {kDigit, kGpt2Pattern};
constexpr std::array<std::string_view, 1> kLlama3Steps = {kLlama3};
constexpr std::array<std::string_view, 1> kQwen2Steps = {kQwen2};
constexpr std::array<std::string_view, 1> kTekkenSteps = {kTekken};

struct NamedSteps {
    std::string_view name;
    std::span<const std::string_view> steps;
};

constexpr std::array kNamed = {
    NamedSteps{"default", kDefaultSteps},  NamedSteps{"gpt-2", kGpt2Steps},
    NamedSteps{"phi-2", kGpt2Steps},       NamedSteps{"olmo", kGpt2Steps},
    NamedSteps{"smollm", kSmollmSteps},    NamedSteps{"starcoder", kSmollmSteps},
    NamedSteps{"refact", kSmollmSteps},    NamedSteps{"command-r", kSmollmSteps},
    NamedSteps{"codeshell", kSmollmSteps}, NamedSteps{"llama-bpe", kLlama3Steps},
    NamedSteps{"llama3", kLlama3Steps},    NamedSteps{"llama-v3", kLlama3Steps},
    NamedSteps{"qwen2", kQwen2Steps},      NamedSteps{"deepseek-r1-qwen", kQwen2Steps},
    NamedSteps{"tekken", kTekkenSteps},
};

tl::unexpected<Error> refused(std::string_view what, int code) {
    std::array<PCRE2_UCHAR, 256> message{};
    pcre2_get_error_message(code, message.data(), message.size());
    return fail(ErrorKind::InvalidArgument,
                fmt::format("{}: {}", what, reinterpret_cast<const char*>(message.data())), "pre_tokenizer",
                "Use the tokenizer of a Llama-family model.");
}

}  // namespace

std::optional<size_t> firstInvalidUtf8(std::string_view text) {
    const std::span bytes(reinterpret_cast<const unsigned char*>(text.data()), text.size());
    for (size_t at = 0; at < bytes.size();) {
        const size_t length = sequenceLength(bytes.subspan(at));
        if (length == 0) return at;
        at += length;
    }
    return std::nullopt;
}

struct Pattern::Compiled {
    std::unique_ptr<pcre2_code, CodeDeleter> code;
};

Result<Pattern> Pattern::compile(std::string_view pattern) {
    int code = 0;
    PCRE2_SIZE offset = 0;
    auto compiled = std::make_shared<Compiled>();
    compiled->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                       // \C would end a match inside a character.
                                       PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &code, &offset,
                                       nullptr));
    if (!compiled->code)
        return refused(fmt::format("the pattern does not compile at position {}", offset), code);
    // Without JIT support matching is slower, not different.
    pcre2_jit_compile(compiled->code.get(), PCRE2_JIT_COMPLETE);
    Pattern result;
    result.m_compiled = std::move(compiled);
    return result;
}

Status Pattern::split(std::string_view text, std::vector<std::string_view>& pieces) const {
    const pcre2_code* code = m_compiled->code.get();
    const std::unique_ptr<pcre2_match_data, MatchDeleter> match(
        pcre2_match_data_create_from_pattern(code, nullptr));
    const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(match.get());
    const auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    size_t from = 0;    // where the next piece starts
    size_t search = 0;  // where the next match is looked for
    while (search < text.size()) {
        const auto run = [&](uint32_t options) {
            return pcre2_match(code, subject, text.size(), search, PCRE2_NO_UTF_CHECK | options, match.get(),
                               nullptr);
        };
        int found = run(0);
        if (found == PCRE2_ERROR_JIT_STACKLIMIT) found = run(PCRE2_NO_JIT);  // there the heap serves as stack
        if (found == PCRE2_ERROR_NOMATCH) break;
        if (found < 0) return refused("the pattern cannot cut this text", found);
        const size_t begin = bounds[0];
        const size_t end = bounds[1];
        if (end <= begin) {  // an empty match separates nothing; step over one character
            search = begin + 1;
            while (search < text.size() && (static_cast<unsigned char>(text[search]) & 0xC0) == 0x80)
                ++search;
            continue;
        }
        if (begin > from) pieces.push_back(text.substr(from, begin - from));
        pieces.push_back(text.substr(begin, end - begin));
        from = search = end;
    }
    if (from < text.size()) pieces.push_back(text.substr(from));
    return {};
}

std::string_view gpt2Pattern() {
    return kGpt2Pattern;
}

Result<PreTokenizer> PreTokenizer::named(std::string_view name) {
    std::string known;
    for (const NamedSteps& entry : kNamed) {
        known += known.empty() ? "" : ", ";
        known += entry.name;
        if (entry.name != name) continue;
        std::vector<Pattern> steps;
        for (const std::string_view pattern : entry.steps) {
            Result<Pattern> compiled = Pattern::compile(pattern);
            if (!compiled) return fail(compiled.error());
            steps.push_back(std::move(*compiled));
        }
        return PreTokenizer(std::move(steps));
    }
    return fail(ErrorKind::Unsupported, fmt::format("the pre-tokenizer \"{}\" is not known", name),
                "tokenizer.ggml.pre", fmt::format("Use a model with one of: {}", known));
}

Result<std::vector<std::string_view>> PreTokenizer::split(std::string_view text) const {
    std::vector<std::string_view> pieces;
    if (!text.empty()) pieces.push_back(text);
    for (const Pattern& step : m_steps) {
        std::vector<std::string_view> finer;
        finer.reserve(pieces.size() * 2);
        for (const std::string_view piece : pieces) {
            if (const Status cut = step.split(piece, finer); !cut) return fail(cut.error());
        }
        pieces = std::move(finer);
    }
    return pieces;
}

}  // namespace quantscope
