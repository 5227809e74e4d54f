// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/weights/fingerprint.h"

namespace quantscope {

/// The token ids of a text, immutable and shared. Two are equal when their ids are (told by a fingerprint),
/// wherever they lie in memory.
class TokenText {
 public:
    using Tokens = std::shared_ptr<const std::vector<int32_t>>;

    /// No text.
    TokenText() = default;
    /// Null = no text.
    TokenText(Tokens tokens)  // NOLINT(google-explicit-constructor): a list of ids is a text
        : m_tokens(std::move(tokens)) {
        if (m_tokens) m_fingerprint = textFingerprint(*m_tokens, static_cast<int64_t>(m_tokens->size()));
    }

    [[nodiscard]] bool isGiven() const { return m_tokens != nullptr; }
    /// Only of a text that is given.
    [[nodiscard]] const std::vector<int32_t>& tokens() const { return *m_tokens; }
    [[nodiscard]] const std::string& fingerprint() const { return m_fingerprint; }
    bool operator==(const TokenText& other) const { return m_fingerprint == other.m_fingerprint; }

 private:
    Tokens m_tokens;
    std::string m_fingerprint;  ///< of the ids; empty = no text
};

/// What methods that must know the layers' inputs are calibrated on.
struct CalibrationInput {
    TokenText text;   ///< none: such methods fail unless there is a file
    int chunks = 16;  ///< windows of it that are used, 0 = all
    int window = 512;
    /// What an earlier run saved, or an importance matrix; instead of the text's run. With the text beside
    /// it, the two are checked against each other.
    std::string file = {};
    /// Clock ticks of the file's last change, from whoever wants a file that was written again to be another.
    int64_t fileWritten = 0;
    /// Why the text that was asked for could not be read: the failure of those that need it.
    std::optional<Error> textError = {};
    bool operator==(const CalibrationInput&) const = default;
};

}  // namespace quantscope
