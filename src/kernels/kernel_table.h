// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "base/cpu_features.h"
#include "base/result.h"
#include "kernels/elementwise_kernels.h"
#include "kernels/forward_kernels.h"

namespace quantscope {

/// One implementation of everything in this folder, and what it needs.
struct KernelTable {
    std::string_view name;  ///< "reference", "avx2", "avx512": as in QUANTSCOPE_KERNELS
    CpuFeatures required;
    ElementwiseKernels elementwise;
    ForwardKernels forward;
};

/// Every table that was compiled in, best first, reference last.
std::span<const KernelTable* const> kernelTables();

/// The best table the machine has, or the one named in `overrideName` (the environment variable
/// QUANTSCOPE_KERNELS is read by main and passed here). InvalidArgument when the name is unknown or the
/// machine lacks its features.
Result<const KernelTable*> chooseKernels(const CpuFeatures& available, std::string_view overrideName = {});

}  // namespace quantscope
