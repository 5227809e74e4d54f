// SPDX-License-Identifier: Apache-2.0
#include "quant/passes/group_layout.h"

namespace quantscope {

GroupLayout GroupLayout::of(const Scheme& scheme, int64_t rows, int64_t cols) {
    const auto make = [&](int64_t down, int64_t across) {
        return GroupLayout{rows, cols, std::max<int64_t>(1, down), std::max<int64_t>(1, across)};
    };
    switch (scheme.granularity) {
        case Granularity::Tensor:
            return make(rows, cols);
        case Granularity::OutputChannel:
        case Granularity::Token:
            return make(1, cols);
        case Granularity::InputChannel:
            return make(rows, 1);
        case Granularity::Group:
            return make(1, std::min(scheme.groupSize, cols));
        case Granularity::Block:
            return make(std::min(scheme.blockRows, rows), std::min(scheme.blockCols, cols));
    }
    return make(rows, cols);
}

}  // namespace quantscope
