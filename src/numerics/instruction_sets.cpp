// SPDX-License-Identifier: Apache-2.0
#include "numerics/instruction_sets.h"

#include <algorithm>
#include <cstdlib>

namespace quantscope {
namespace {

std::vector<InstructionSet> setsOfThisProcess() {
    const char* kernels = std::getenv("QUANTSCOPE_KERNELS");
    return instructionSetsOf(detectCpuFeatures(), kernels == nullptr ? "" : kernels);
}

}  // namespace

std::string_view nameOf(InstructionSet set) {
    switch (set) {
        case InstructionSet::Avx512:
            return "avx512";
        case InstructionSet::Avx2:
            return "avx2";
        case InstructionSet::Baseline:
            break;
    }
    return "baseline";
}

InstructionSet widestSetOf(std::string_view kernels) {
    if (kernels == "reference") return InstructionSet::Baseline;
    if (kernels == "avx2" || kernels == "avxvnni") return InstructionSet::Avx2;
    return InstructionSet::Avx512;
}

std::vector<InstructionSet> instructionSetsOf([[maybe_unused]] const CpuFeatures& machine,
                                              std::string_view kernels) {
    std::vector<InstructionSet> sets;
#if defined(__x86_64__) && defined(__GNUC__)
    if (machine.avx512) sets.push_back(InstructionSet::Avx512);
    if (machine.avx2) sets.push_back(InstructionSet::Avx2);
#endif
    sets.push_back(InstructionSet::Baseline);
    std::erase_if(sets, [widest = widestSetOf(kernels)](InstructionSet set) { return set > widest; });
    return sets;
}

const std::vector<InstructionSet>& instructionSets() {
    static const std::vector<InstructionSet> kSets = setsOfThisProcess();
    return kSets;
}

}  // namespace quantscope
