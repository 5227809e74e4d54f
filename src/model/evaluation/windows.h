// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "model/evaluation/evaluation.h"

namespace quantscope {

/// A stretch of the text that goes through the model at once. The logits at positions firstScored ..
/// firstScored + scored - 1 of the window are scored against the tokens one further.
struct Window {
    int64_t begin = 0;  ///< in the text
    int64_t length = 0;
    int64_t firstScored = 0;
    int64_t scored = 0;
    bool operator==(const Window&) const = default;
};

/// The text as the protocol sees it, and its windows.
struct WindowedText {
    std::vector<int32_t> tokens;  ///< with BOS in front where the protocol wants it
    std::vector<Window> windows;
    std::optional<int32_t> firstToken;  ///< takes the place of every window's first token
    /// A window's tokens with the replacement made.
    [[nodiscard]] std::vector<int32_t> input(const Window& window) const;
    /// The token that position `firstScored + i` is scored against.
    [[nodiscard]] int32_t target(const Window& window, int64_t i) const {
        return tokens[static_cast<size_t>(window.begin + window.firstScored + i + 1)];
    }
    [[nodiscard]] int64_t scoredTokens() const;
};

/// Cuts a text. `bos` is the model's BOS if it adds one: the llama.cpp rule puts it before the text (unless
/// it is there already) and in the place of each window's first token, as llama-perplexity does; the others
/// use the tokens as they are. InvalidArgument: window or stride out of range, text too short (with the
/// number of tokens needed).
Result<WindowedText> cutWindows(const std::vector<int32_t>& tokens, const EvaluationProtocol& protocol,
                                std::optional<int32_t> bos);

}  // namespace quantscope
