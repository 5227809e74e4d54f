// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "base/cpu_features.h"

/// Loops that are compiled several times, for functions that QUANTSCOPE_AVX2 and QUANTSCOPE_AVX512 let use
/// more than the baseline: templates over the bytes of a vector, or plain loops that the compiler vectorizes,
/// which runWith() calls. Where the bits must not depend on the set, the file is compiled with
/// -ffp-contract=off.
#if defined(__x86_64__) && defined(__GNUC__)
#define QUANTSCOPE_AVX2 [[gnu::target("avx2,fma")]]
#ifdef __clang__  // it does not know the preference
#define QUANTSCOPE_AVX512 [[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma")]]
#else
#define QUANTSCOPE_AVX512 \
    [[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,prefer-vector-width=512")]]
#endif
#else
#define QUANTSCOPE_AVX2
#define QUANTSCOPE_AVX512
#endif

namespace quantscope {

/// Bytes of a vector: 16, 32 and 64.
enum class InstructionSet { Baseline, Avx2, Avx512 };

/// "baseline", "avx2", "avx512".
std::string_view nameOf(InstructionSet set);

/// The widest set that belongs to the kernels of this name (KernelTable::name): baseline for "reference",
/// avx2 for "avx2" and "avxvnni", avx512 for all others, the GPUs' and the empty name included.
InstructionSet widestSetOf(std::string_view kernels);

/// The sets of a machine with these features that those kernels leave, the best first.
std::vector<InstructionSet> instructionSetsOf(const CpuFeatures& machine, std::string_view kernels);

/// What this process uses, the best first: the machine's sets, as far as the variable QUANTSCOPE_KERNELS,
/// which chooses the kernels too, leaves them. Read once, at the first call: kernels that are chosen while
/// the program runs (the window's menu) change products and passes, never what quantizers and methods
/// compute.
const std::vector<InstructionSet>& instructionSets();
inline InstructionSet bestInstructionSet() {
    return instructionSets().front();
}

template <class Loop, class... Arguments>
auto runBaseline(Arguments... arguments) {
    return Loop::run(arguments...);
}
template <class Loop, class... Arguments>
QUANTSCOPE_AVX2 auto runAvx2(Arguments... arguments) {
    return Loop::run(arguments...);
}
template <class Loop, class... Arguments>
QUANTSCOPE_AVX512 auto runAvx512(Arguments... arguments) {
    return Loop::run(arguments...);
}

/// Loop::run(arguments...) as compiled for `set`. It is always_inline, and Loop a type of one source file:
/// its code exists once a set and is never shared.
template <class Loop, class... Arguments>
auto runWith(InstructionSet set, Arguments... arguments) {
    switch (set) {
        case InstructionSet::Avx512:
            return runAvx512<Loop>(arguments...);
        case InstructionSet::Avx2:
            return runAvx2<Loop>(arguments...);
        case InstructionSet::Baseline:
            break;
    }
    return runBaseline<Loop>(arguments...);
}

template <class T, int Bytes>
struct VectorOf {
    typedef T Type __attribute__((vector_size(Bytes)));
};

}  // namespace quantscope
