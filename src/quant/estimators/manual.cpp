// SPDX-License-Identifier: Apache-2.0
#include "quant/estimators/manual.h"

namespace quantscope {

Range manualRange(const MatrixView&, const Scheme& scheme) {
    return {static_cast<float>(scheme.manualLow), static_cast<float>(scheme.manualHigh), false};
}

}  // namespace quantscope
