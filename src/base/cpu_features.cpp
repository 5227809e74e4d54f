// SPDX-License-Identifier: Apache-2.0
#include "base/cpu_features.h"

#include <array>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace quantscope {

bool CpuFeatures::covers(const CpuFeatures& required) const {
    return (avx2 || !required.avx2) && (avxVnni || !required.avxVnni) && (avx512 || !required.avx512) &&
           (avx512Vnni || !required.avx512Vnni) && (amxInt8 || !required.amxInt8);
}

std::string describe(const CpuFeatures& features) {
    std::string text;
    const auto add = [&](bool has, const char* name) {
        if (has) text += (text.empty() ? "" : " ") + std::string(name);
    };
    add(features.avx2, "avx2");
    add(features.avxVnni, "avx-vnni");
    add(features.avx512, "avx512");
    add(features.avx512Vnni, "avx512-vnni");
    add(features.amxInt8, "amx-int8");
    return text.empty() ? "baseline" : text;
}

#if defined(__x86_64__)
namespace {

struct Registers {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(unsigned leaf, unsigned subleaf = 0) {
    Registers r;
    if (__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx) == 0) return {};
    return r;
}

bool bit(unsigned word, int index) {
    return ((word >> index) & 1U) != 0;
}

uint64_t enabledStates() {
    unsigned low = 0;
    unsigned high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (static_cast<uint64_t>(high) << 32) | low;
}

bool kernelGrantsTiles() {
    constexpr long kArchReqXcompPerm = 0x1023;
    constexpr long kTileData = 18;
    return syscall(SYS_arch_prctl, kArchReqXcompPerm, kTileData) == 0;
}

}  // namespace

CpuFeatures detectCpuFeatures() {
    CpuFeatures f;
    const Registers basic = cpuid(1);
    if (!bit(basic.ecx, 27)) return f;  // no OSXSAVE: the system saves no wide registers
    const uint64_t states = enabledStates();
    const bool ymm = (states & 0x6) == 0x6;
    const bool zmm = (states & 0xE6) == 0xE6;
    const bool tiles = (states & 0x60000) == 0x60000;
    const Registers extended = cpuid(7);
    const Registers extended1 = cpuid(7, 1);
    f.avx2 = ymm && bit(extended.ebx, 5) && bit(basic.ecx, 12) && bit(basic.ecx, 29);
    f.avxVnni = f.avx2 && bit(extended1.eax, 4);
    f.avx512 = f.avx2 && zmm && bit(extended.ebx, 16) && bit(extended.ebx, 17) && bit(extended.ebx, 28) &&
               bit(extended.ebx, 30) && bit(extended.ebx, 31);
    f.avx512Vnni = f.avx512 && bit(extended.ecx, 11);
    f.amxInt8 = f.avx512 && tiles && bit(extended.edx, 24) && bit(extended.edx, 25) && kernelGrantsTiles();
    return f;
}

std::string cpuName() {
    std::array<char, 49> name{};
    if (cpuid(0x80000000U).eax < 0x80000004U) return "unknown processor";
    for (unsigned i = 0; i < 3; ++i) {
        const Registers r = cpuid(0x80000002U + i);
        std::memcpy(name.data() + size_t{16} * i, &r, 16);
    }
    return name.data();
}
#else
CpuFeatures detectCpuFeatures() {
    return {};
}
std::string cpuName() {
    return "unknown processor";
}
#endif

}  // namespace quantscope
