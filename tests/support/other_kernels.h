// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kernels/kernel_set.h"

namespace quantscope::test {

/// The best table of the processor that this machine runs beside the active one; empty when there is none.
inline std::string anotherTable(const KernelSet& set) {
    for (const KernelSet::Choice& choice : set.choices()) {
        if (choice.runs && !choice.active && !choice.name.starts_with("cuda")) return choice.name;
    }
    return {};
}

}  // namespace quantscope::test
