// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/kernel_table.h"

namespace quantscope {

/// Every kernel table of this process and the one in use, which may change while the program runs: those that
/// were compiled in, and "cuda", "cuda:1", ... for each GPU: the best table of the processor, with integer
/// products on the GPU. A GPU is opened when it is first chosen. Tables live as long as the set. Thread-safe.
class KernelSet {
 public:
    /// One table that may be chosen.
    struct Choice {
        std::string name;
        bool runs = false;
        bool active = false;
        std::string reason;  ///< "the best this machine runs", "needs amx-int8", what the GPU is, ...
    };

    /// Starts with `name`, or with the best table of `machine` when it is empty. Errors as choose().
    static Result<std::unique_ptr<KernelSet>> open(const CpuFeatures& machine, std::string_view name = {});

    [[nodiscard]] const KernelTable& active() const { return *m_active.load(); }

    /// Makes `name` the active table; empty: the best of the processor. InvalidArgument when there is none of
    /// this name or the machine lacks its features (field QUANTSCOPE_KERNELS); a GPU's own errors
    /// (kernels/cuda). On an error the active table stays. May take a moment: a GPU's driver starts.
    Status choose(std::string_view name);

    /// All of them, in the order of preference, GPUs last; one row says why there is none. Asks the GPUs'
    /// driver.
    [[nodiscard]] std::vector<Choice> choices() const;

    /// A set of this table alone is what a program with fixed kernels has.
    explicit KernelSet(const CpuFeatures& machine, const KernelTable& first)
        : m_machine(machine), m_active(&first) {}

 private:
    Result<const KernelTable*> gpu(std::string_view name);

    CpuFeatures m_machine;
    std::atomic<const KernelTable*> m_active;
    std::mutex m_lock;
    std::map<std::string, std::unique_ptr<KernelTable>, std::less<>> m_gpus;  ///< those that were opened
};

/// The kernels that a long-lived object computes with: one table, or whatever a set has active when asked.
class KernelsInUse {
 public:
    KernelsInUse(const KernelTable& fixed) : m_fixed(&fixed) {}  // NOLINT(google-explicit-constructor)
    KernelsInUse(const KernelSet& set) : m_set(&set) {}          // NOLINT(google-explicit-constructor)

    [[nodiscard]] const KernelTable& table() const { return m_set != nullptr ? m_set->active() : *m_fixed; }

 private:
    const KernelTable* m_fixed = nullptr;
    const KernelSet* m_set = nullptr;
};

}  // namespace quantscope
