// SPDX-License-Identifier: Apache-2.0
#include "numerics/instruction_sets.h"

#include "base/cpu_features.h"

namespace quantscope {
namespace {

std::vector<InstructionSet> detect() {
    std::vector<InstructionSet> sets;
#if defined(__x86_64__) && defined(__GNUC__)
    const CpuFeatures features = detectCpuFeatures();
    if (features.avx512) sets.push_back(InstructionSet::Avx512);
    if (features.avx2) sets.push_back(InstructionSet::Avx2);
#endif
    sets.push_back(InstructionSet::Baseline);
    return sets;
}

}  // namespace

const std::vector<InstructionSet>& instructionSets() {
    static const std::vector<InstructionSet> kSets = detect();
    return kSets;
}

}  // namespace quantscope
