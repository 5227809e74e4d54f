// SPDX-License-Identifier: Apache-2.0
#include "quant/estimators/mse.h"

#include <vector>

#include "quant/blocks/block_pass.h"
#include "quant/estimators/minmax.h"
#include "quant/estimators/shrink_search.h"

namespace quantscope {
namespace {

constexpr int64_t kSampleLimit = int64_t{1} << 16;

}  // namespace

Range mseRange(const MatrixView& block, const Scheme& scheme) {
    const std::vector<float> values = blockValues(block, kSampleLimit);
    return shrunkRange(scheme, minMaxRange(block, scheme), values);
}

}  // namespace quantscope
