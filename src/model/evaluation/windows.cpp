// SPDX-License-Identifier: Apache-2.0
#include "model/evaluation/windows.h"

#include <fmt/format.h>

#include <algorithm>

namespace quantscope {
namespace {

Status checkProtocol(const EvaluationProtocol& protocol) {
    if (protocol.window < 8 || protocol.window > 131072) {
        return fail(ErrorKind::InvalidArgument,
                    fmt::format("a window of {} tokens is outside 8..131072", protocol.window), "window",
                    "Use 512, or 2048 for the papers' protocol.");
    }
    if (protocol.rule == WindowRule::Sliding && (protocol.stride < 1 || protocol.stride > protocol.window)) {
        return fail(ErrorKind::InvalidArgument,
                    fmt::format("a stride of {} is outside 1..{}", protocol.stride, protocol.window),
                    "stride", "Use at most the window.");
    }
    if (protocol.maxChunks < 0) {
        return fail(ErrorKind::InvalidArgument, "the number of chunks is negative", "chunks",
                    "Use 0 for the whole text.");
    }
    return {};
}

tl::unexpected<Error> tooShort(int64_t have, int64_t need) {
    return fail(ErrorKind::InvalidArgument, fmt::format("the text has {} tokens, {} are needed", have, need),
                "text", "Use a longer text or a smaller window.");
}

/// Windows side by side; the logits from `firstScored` on are scored, the remainder of the text is dropped.
void cutSideBySide(WindowedText& text, int64_t window, int64_t firstScored) {
    const auto count = static_cast<int64_t>(text.tokens.size());
    for (int64_t begin = 0; begin + window <= count; begin += window) {
        text.windows.push_back({begin, window, firstScored, window - 1 - firstScored});
    }
}

/// Every target once: the first window scores all of its own, each later one those the one before did not
/// reach.
void cutSliding(WindowedText& text, int64_t window, int64_t stride) {
    const auto count = static_cast<int64_t>(text.tokens.size());
    int64_t covered = 1;  // targets before this index are scored (index 0 has no context)
    for (int64_t begin = 0; covered < count; begin += stride) {
        const int64_t end = std::min(begin + window, count);
        text.windows.push_back({begin, end - begin, covered - begin - 1, end - covered});
        covered = end;
    }
}

}  // namespace

std::vector<int32_t> WindowedText::input(const Window& window) const {
    const auto begin = tokens.begin() + window.begin;
    std::vector<int32_t> ids(begin, begin + window.length);
    if (firstToken) ids[0] = *firstToken;
    return ids;
}

int64_t WindowedText::scoredTokens() const {
    int64_t total = 0;
    for (const Window& window : windows) total += window.scored;
    return total;
}

Result<WindowedText> cutWindows(const std::vector<int32_t>& tokens, const EvaluationProtocol& protocol,
                                std::optional<int32_t> bos) {
    if (Status checked = checkProtocol(protocol); !checked) return fail(checked.error());
    const bool llamaCpp = protocol.rule == WindowRule::LlamaCpp;
    WindowedText text;
    if (llamaCpp && bos && (tokens.empty() || tokens[0] != *bos)) text.tokens.push_back(*bos);
    text.tokens.insert(text.tokens.end(), tokens.begin(), tokens.end());
    if (llamaCpp) text.firstToken = bos;

    const auto count = static_cast<int64_t>(text.tokens.size());
    const int64_t window = protocol.window;
    const int64_t need = llamaCpp ? 2 * window : protocol.rule == WindowRule::GptqPaper ? window : 2;
    if (count < need) return tooShort(count, need);
    switch (protocol.rule) {
        case WindowRule::LlamaCpp:
            cutSideBySide(text, window, window / 2);
            break;
        case WindowRule::GptqPaper:
            cutSideBySide(text, window, 0);
            break;
        case WindowRule::Sliding:
            cutSliding(text, window, protocol.stride);
            break;
    }
    const auto limit = static_cast<size_t>(protocol.maxChunks);
    if (limit > 0 && text.windows.size() > limit) text.windows.resize(limit);
    return text;
}

}  // namespace quantscope
