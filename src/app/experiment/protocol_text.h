// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "app/experiment/experiment.h"
#include "model/evaluation/evaluation.h"

namespace quantscope {

/// What an evaluation measures, in one sentence: how much of which text, how it is cut, which tokens are
/// scored, how variants are compared. "Perplexity over 8 windows of 512 tokens of held-out.txt, llama.cpp's
/// rule: the second half of each window is scored; differences are paired with A token by token."
/// `variants`: how many there are.
std::string protocolSentence(const EvaluationProtocol& protocol, const std::string& textPath,
                             size_t variants);

}  // namespace quantscope
