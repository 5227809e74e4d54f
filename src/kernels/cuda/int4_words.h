// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/cuda/int4_rows.h"

namespace quantscope::cuda {

/// Codes 0..15, one a byte [outputs x inputs], as the kernel reads them: see codeOfWord.
inline std::vector<uint32_t> int4Words(const uint8_t* codes, int64_t outputs, int64_t inputs) {
    const int64_t pitch = ceilDivide<int64_t>(inputs, kCodesOfWord);
    std::vector<uint32_t> words(static_cast<size_t>(outputs * pitch));
    for (int64_t j = 0; j < outputs; ++j) {
        for (int64_t k = 0; k < inputs; ++k) {
            words[static_cast<size_t>(j * pitch + k / kCodesOfWord)] |= uint32_t{codes[j * inputs + k]}
                                                                        << (4 * (k % kCodesOfWord));
        }
    }
    return words;
}

}  // namespace quantscope::cuda
