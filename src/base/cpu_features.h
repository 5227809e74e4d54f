// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace quantscope {

/// Instruction sets that both the processor and the operating system offer.
struct CpuFeatures {
    bool avx2 = false;  ///< AVX2 together with FMA and F16C
    bool avxVnni = false;
    bool avx512 = false;  ///< F, BW, DQ, VL and CD
    bool avx512Vnni = false;
    bool amxInt8 = false;  ///< tile and int8, with the kernel's permission to use the tile registers

    bool operator==(const CpuFeatures&) const = default;

    /// True if every feature of `required` is here.
    [[nodiscard]] bool covers(const CpuFeatures& required) const;
};

/// Asks the processor (CPUID, XGETBV) and, for AMX, the kernel (arch_prctl).
CpuFeatures detectCpuFeatures();

/// "avx2 avx512 avx512-vnni", or "baseline".
std::string describe(const CpuFeatures& features);

/// The processor's brand string, or "unknown processor".
std::string cpuName();

}  // namespace quantscope
