// SPDX-License-Identifier: Apache-2.0
#include "app/results/number_text.h"

namespace quantscope {

std::string withThousands(uint64_t value) {
    std::string text = std::to_string(value);
    for (size_t i = text.size(); i > 3;) text.insert(i -= 3, ",");
    return text;
}

}  // namespace quantscope
