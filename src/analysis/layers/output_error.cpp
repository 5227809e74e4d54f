// SPDX-License-Identifier: Apache-2.0
#include "analysis/layers/output_error.h"

#include <cmath>
#include <limits>

namespace quantscope {

double expectedOutputError(const ErrorReport& errors, std::span<const double> meanSquare) {
    if (errors.inputChannels.size() != meanSquare.size()) return std::numeric_limits<double>::quiet_NaN();
    double error = 0;
    double signal = 0;
    for (size_t j = 0; j < meanSquare.size(); ++j) {
        error += meanSquare[j] * errors.inputChannels[j].totalSse();
        signal += meanSquare[j] * errors.inputChannels[j].signalSse;
    }
    if (error == 0) return 0;
    return std::sqrt(error / signal);
}

}  // namespace quantscope
