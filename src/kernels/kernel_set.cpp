// SPDX-License-Identifier: Apache-2.0
#include "kernels/kernel_set.h"

#include <charconv>

#include "kernels/cuda/cuda_products.h"

namespace quantscope {
namespace {

constexpr std::string_view kGpu = "cuda";

std::string gpuName(int index) {
    return index == 0 ? std::string(kGpu) : std::string(kGpu) + ":" + std::to_string(index);
}

/// The index in "cuda" or "cuda:N"; none for other names.
std::optional<int> gpuIndex(std::string_view name) {
    if (!name.starts_with(kGpu)) return {};
    name.remove_prefix(kGpu.size());
    if (name.empty()) return 0;
    int index = 0;
    const char* end = name.data() + name.size();
    if (name.front() != ':' || name.size() == 1) return {};
    const auto [stopped, error] = std::from_chars(name.data() + 1, end, index);
    return error == std::errc() && stopped == end && index >= 0 ? std::optional(index) : std::nullopt;
}

}  // namespace

Result<std::unique_ptr<KernelSet>> KernelSet::open(const CpuFeatures& machine, std::string_view name) {
    const auto best = chooseKernels(machine);
    if (!best) return fail(best.error());
    auto set = std::make_unique<KernelSet>(machine, **best);
    if (auto status = set->choose(name); !status) return fail(status.error());
    return set;
}

Result<const KernelTable*> KernelSet::gpu(std::string_view name) {
    const int index = *gpuIndex(name);
    const std::scoped_lock guard(m_lock);
    const std::string key = gpuName(index);
    if (const auto found = m_gpus.find(key); found != m_gpus.end()) return found->second.get();
    const auto host = chooseKernels(m_machine);
    if (!host) return fail(host.error());
    auto device = openCudaProducts(index);
    if (!device) return fail(device.error());
    auto table = std::make_unique<KernelTable>(**host);
    const auto stored = m_gpus.emplace(key, std::move(table)).first;
    stored->second->name = stored->first;
    stored->second->device = std::move(*device);
    return stored->second.get();
}

Status KernelSet::choose(std::string_view name) {
    const auto table = gpuIndex(name) ? gpu(name) : chooseKernels(m_machine, name);
    if (!table) return fail(table.error());
    m_active = *table;
    return {};
}

std::vector<KernelSet::Choice> KernelSet::choices() const {
    const KernelTable& chosen = active();
    const KernelReport report = reportKernels(m_machine, chosen);
    std::vector<Choice> all;
    for (const KernelReport::Row& row : report.tables)
        all.push_back({std::string(row.name), row.runs, row.chosen, row.reason});
    for (size_t i = 0; i < report.accelerators.size(); ++i) {
        const KernelReport::Accelerator& gpu = report.accelerators[i];
        const std::string name = gpuName(static_cast<int>(i));
        all.push_back({name, gpu.runs, gpu.runs && name == chosen.name, gpu.reason});
    }
    return all;
}

}  // namespace quantscope
