// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/commands.h"

namespace quantscope {

struct ForwardBenchOptions {
    std::string model;
    std::string variants;  ///< separated by ';'; the first is what the others are compared with
    int repeats = 5;
    bool json = false;
};

/// `bench forward`: tokens a second of each variant, taking turns: a prompt of 512 tokens (all blocks, and
/// the logits after the last token) and decoding one token after the other behind it; the processor time of
/// all threads, and the share of each stage.
Status benchForward(const KernelTable& kernels, const ForwardBenchOptions& options);

}  // namespace quantscope
