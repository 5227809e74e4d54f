// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/commands.h"

namespace quantscope {

/// How long and in what form.
struct GemmBenchOptions {
    int repeats = 7;
    bool json = false;
};

/// `bench gemm`: int8 products of language-model shapes beside oneDNN's best packed path, taking turns;
/// median speeds, the ratio, and the peak that a loop in registers reaches.
Status benchGemm(const KernelTable& kernels, const GemmBenchOptions& options);
/// `bench int4`: 4-bit products of one row: bytes moved and their rate beside the memory's.
Status benchInt4(const KernelTable& kernels, const GemmBenchOptions& options);
/// `bench ladder`: one product by every way from the plain loops to the best kernel.
Status benchLadder(const KernelTable& kernels, const GemmBenchOptions& options);

}  // namespace quantscope
