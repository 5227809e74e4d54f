// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

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

/// What this machine runs, the best first.
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
