// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/cpu_features.h"
#include "base/result.h"
#include "kernels/elementwise_kernels.h"
#include "kernels/forward_kernels.h"
#include "kernels/integer_kernels.h"

namespace quantscope {

class ProductDevice;

/// One implementation of everything in this folder, and what it needs.
struct KernelTable {
    /// "reference", "avx2", "avxvnni", "avx512", "avx512vnni", "amx", and from KernelSet "cuda", "cuda:1",
    /// ...: as in QUANTSCOPE_KERNELS
    std::string_view name;
    CpuFeatures required;
    ElementwiseKernels elementwise;
    ForwardKernels forward;
    IntegerKernels integer;
    /// Takes the integer products of this table (kernels/product_device.h); null: `integer` computes them.
    std::shared_ptr<ProductDevice> device = nullptr;
};

/// Every table that was compiled in, best first, reference last.
std::span<const KernelTable* const> kernelTables();

/// The best table the machine has, or the one named in `overrideName` (the environment variable
/// QUANTSCOPE_KERNELS is read by main and passed here). InvalidArgument when the name is unknown or the
/// machine lacks its features.
Result<const KernelTable*> chooseKernels(const CpuFeatures& available, std::string_view overrideName = {});

/// What this program has, what the machine can run, and what was chosen: for people.
struct KernelReport {
    struct Row {
        std::string_view name;
        CpuFeatures required;
        bool runs = false;
        bool chosen = false;
        std::string reason;  ///< "the best this machine runs", "needs amx-int8", ...
    };
    CpuFeatures machine;
    std::vector<Row> tables;  ///< in the order of preference
    /// A GPU (kernels/cuda/cuda_backend.h), or why there is none.
    struct Accelerator {
        std::string name;  ///< "cuda" where there is none
        bool runs = false;
        std::string reason;  ///< what it is, or why it does not run
    };
    std::vector<Accelerator> accelerators;  ///< at least one
};
/// `chosen` is one of kernelTables(). Asks for GPUs, which may take their driver a moment to answer.
KernelReport reportKernels(const CpuFeatures& machine, const KernelTable& chosen);

}  // namespace quantscope
