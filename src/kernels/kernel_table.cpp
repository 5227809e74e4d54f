// SPDX-License-Identifier: Apache-2.0
#include "kernels/kernel_table.h"

#include <array>
#include <string>
#include <utility>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/reference/tables.h"
#if defined(QUANTSCOPE_X86_KERNELS)
#include "kernels/x86/tables.h"
#endif

namespace quantscope {
namespace {

std::string acceptedNames() {
    std::string names;
    for (const KernelTable* table : kernelTables()) {
        names += (names.empty() ? "" : ", ") + std::string(table->name);
    }
    return names;
}

}  // namespace

std::span<const KernelTable* const> kernelTables() {
    static const KernelTable reference{
        "reference", {}, kReferenceElementwise, kReferenceForward, kReferenceInteger};
#if defined(QUANTSCOPE_X86_KERNELS)
    constexpr CpuFeatures kVnni{.avx2 = true, .avx512 = true, .avx512Vnni = true};
    IntegerKernels tiles = kAvx512VnniInteger;
    tiles.int8Panel = int8PanelAmx;
    tiles.peakLoop = peakLoopAmx;
    static const KernelTable amx{"amx",
                                 {.avx2 = true, .avx512 = true, .avx512Vnni = true, .amxInt8 = true},
                                 kAvx512Elementwise,
                                 kAvx512Forward,
                                 tiles};
    static const KernelTable avx512vnni{"avx512vnni", kVnni, kAvx512Elementwise, kAvx512Forward,
                                        kAvx512VnniInteger};
    static const KernelTable avx512{
        "avx512", {.avx2 = true, .avx512 = true}, kAvx512Elementwise, kAvx512Forward, kAvx512Integer};
    static const KernelTable avxvnni{
        "avxvnni", {.avx2 = true, .avxVnni = true}, kAvx2Elementwise, kAvx2Forward, kAvxVnniInteger};
    static const KernelTable avx2{"avx2", {.avx2 = true}, kAvx2Elementwise, kAvx2Forward, kAvx2Integer};
    static const std::array tables{&amx, &avx512vnni, &avx512, &avxvnni, &avx2, &reference};
#else
    static const std::array tables{&reference};
#endif
    return tables;
}

Result<const KernelTable*> chooseKernels(const CpuFeatures& available, std::string_view overrideName) {
    for (const KernelTable* table : kernelTables()) {
        const bool runs = available.covers(table->required);
        if (overrideName.empty()) {
            if (runs) return table;
        } else if (table->name == overrideName) {
            if (runs) return table;
            return fail(ErrorKind::InvalidArgument,
                        "the kernels \"" + std::string(overrideName) + "\" need " +
                            describe(table->required) + ", this machine has " + describe(available),
                        "QUANTSCOPE_KERNELS", "Unset it, or set it to \"reference\".");
        }
    }
    return fail(ErrorKind::InvalidArgument,
                "there are no kernels named \"" + std::string(overrideName) + "\"", "QUANTSCOPE_KERNELS",
                "Unset it, or choose one of " + acceptedNames() + ".");
}

namespace {

std::vector<KernelReport::Accelerator> reportAccelerators() {
    const auto devices = listCudaDevices();
    if (!devices) {
        Error error = devices.error();
        error.field.clear();  // the name says it
        return {{"cuda", false, describe(error)}};
    }
    std::vector<KernelReport::Accelerator> found;
    for (const CudaDeviceInfo& device : *devices) found.push_back({device.name, true, describe(device)});
    return found;
}

}  // namespace

KernelReport reportKernels(const CpuFeatures& machine, const KernelTable& chosen) {
    KernelReport report{machine, {}, reportAccelerators()};
    bool betterRuns = false;
    for (const KernelTable* table : kernelTables()) {
        KernelReport::Row row{
            table->name, table->required, machine.covers(table->required), table == &chosen, {}};
        if (!row.runs) {
            row.reason = "needs " + describe(table->required);
        } else if (row.chosen) {
            row.reason = betterRuns ? "chosen instead of a faster one" : "the best this machine runs";
        } else {
            row.reason = betterRuns ? "slower" : "the fastest of the processor; another is chosen";
        }
        betterRuns = betterRuns || row.runs;
        report.tables.push_back(std::move(row));
    }
    return report;
}

}  // namespace quantscope
