// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "kernels/kernel_table.h"
#include "model/forward/context_runner.h"

namespace quantscope {

struct GenerationOptions {
    int64_t tokens = 64;     ///< to write, at most
    double temperature = 0;  ///< 0: always the likeliest token; else sampled from softmax(z / temperature)
    uint64_t seed = 1;       ///< of the sampling: the same for all variants, so that they can be compared
    std::optional<int32_t> endOfText = {};  ///< stop before it
};

struct Generation {
    std::vector<int32_t> tokens;  ///< written after the prompt
    double promptSeconds = 0;
    double decodingSeconds = 0;  ///< of all written tokens
};

/// Reads the prompt and goes on writing, one token at a time, with the keys and values of those before kept.
/// Forgets what the runner had read. InvalidArgument: no prompt, no room for prompt and tokens in the runner,
/// a temperature that is negative or not finite; Cancelled. Progress is the share of the tokens written.
Result<Generation> generate(ContextRunner& runner, std::span<const int32_t> prompt,
                            const GenerationOptions& options, const KernelTable& kernels,
                            const Job& job = {});

/// Tokens before the first difference.
int64_t commonLength(std::span<const int32_t> a, std::span<const int32_t> b);

}  // namespace quantscope
