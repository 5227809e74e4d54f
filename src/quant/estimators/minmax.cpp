// SPDX-License-Identifier: Apache-2.0
#include "quant/estimators/minmax.h"

#include <algorithm>

#include "quant/blocks/block_pass.h"

namespace quantscope {

Range minMaxRange(const MatrixView& block, const Scheme&) {
    BlockExtremes extremes;
    for (int64_t r = 0; r < block.rows; ++r) extremes.add(block.row(r), block.cols);
    Range range{extremes.low, extremes.high, false};
    range.lowIsExtreme = range.low == -range.high && firstExtremeIsNegative(block, range.high);
    return range;
}

}  // namespace quantscope
