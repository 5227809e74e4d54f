// SPDX-License-Identifier: Apache-2.0
#include "quant/estimators/moving_average.h"

#include <algorithm>

#include "quant/blocks/block_pass.h"

namespace quantscope {
namespace {
constexpr int64_t kChunkRows = 32;
}

Range movingAverageRange(const MatrixView& block, const Scheme& scheme) {
    double low = 0;
    double high = 0;
    for (int64_t first = 0; first < block.rows; first += kChunkRows) {
        BlockExtremes chunk;
        const int64_t end = std::min(block.rows, first + kChunkRows);
        for (int64_t r = first; r < end; ++r) chunk.add(block.row(r), block.cols);
        const double keep = first == 0 ? 0 : scheme.momentum;
        low = keep * low + (1 - keep) * static_cast<double>(chunk.low);
        high = keep * high + (1 - keep) * static_cast<double>(chunk.high);
    }
    return {static_cast<float>(low), static_cast<float>(high), false};
}

}  // namespace quantscope
