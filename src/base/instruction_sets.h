// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

/// Loops that are compiled several times: a template over the bytes of a vector, called by
/// functions that QUANTSCOPE_AVX2 and QUANTSCOPE_AVX512 let use more than the baseline.
#if defined(__x86_64__) && defined(__GNUC__)
#define QUANTSCOPE_AVX2 [[gnu::target("avx2,fma")]]
#ifdef __clang__  // it does not know the preference
#define QUANTSCOPE_AVX512 [[gnu::target("avx512f,avx512vl,avx512dq,avx2,fma")]]
#else
#define QUANTSCOPE_AVX512 [[gnu::target("avx512f,avx512vl,avx512dq,avx2,fma,prefer-vector-width=512")]]
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

template <class T, int Bytes>
struct VectorOf {
    typedef T Type __attribute__((vector_size(Bytes)));
};

}  // namespace quantscope
