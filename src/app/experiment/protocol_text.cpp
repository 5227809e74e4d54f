// SPDX-License-Identifier: Apache-2.0
#include "app/experiment/protocol_text.h"

#include <fmt/format.h>

#include <filesystem>

namespace quantscope {
namespace {

std::string howMuch(const EvaluationProtocol& p, const std::string& text) {
    if (p.maxChunks == 0) return fmt::format("all of {} in windows of {} tokens", text, p.window);
    if (p.maxChunks == 1) return fmt::format("the first window of {} tokens of {}", p.window, text);
    return fmt::format("{} windows of {} tokens of {}", p.maxChunks, p.window, text);
}

std::string whatIsScored(const EvaluationProtocol& p) {
    switch (p.rule) {
        case WindowRule::LlamaCpp:
            return "llama.cpp's rule: the second half of each window is scored";
        case WindowRule::GptqPaper:
            return "the GPTQ paper's rule: every token of a window but its first is scored";
        case WindowRule::Sliding:
            break;
    }
    return fmt::format("sliding by {}: each token is scored once, with as much before it as the window holds",
                       p.stride);
}

}  // namespace

std::string protocolSentence(const EvaluationProtocol& protocol, const std::string& textPath,
                             size_t variants) {
    std::string text = std::filesystem::path(textPath).filename().string();
    if (text.empty()) text = "the text";
    return fmt::format("Perplexity over {}, {}{}.", howMuch(protocol, text), whatIsScored(protocol),
                       variants > 1 ? "; differences are paired with A token by token" : "");
}

}  // namespace quantscope
