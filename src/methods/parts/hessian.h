// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "methods/parts/calibration_statistics.h"

namespace quantscope {

/// X^T X made ready for factorization: dead channels (never anything but 0) get a diagonal of 1, columns
/// stand in the order they will be visited, and `damping` times the mean diagonal is added to the diagonal.
struct PreparedHessian {
    std::vector<int32_t> order;  ///< position -> input channel
    std::vector<char> dead;      ///< by input channel
    std::vector<double> matrix;  ///< [in x in], in order, damped
    double meanDiagonal = 0;     ///< before damping
    double damping = 0;          ///< as used
    std::vector<std::string> notes;
};

/// `byActivity`: decreasing diagonal (act order), ties by channel. InvalidArgument if it is not finite.
Result<PreparedHessian> prepareHessian(const CalibrationStatistics& calibration, double damping,
                                       bool byActivity);

/// Both for one input, shared by all layers that read it. `matrix` is empty.
struct FactoredHessian {
    PreparedHessian hessian;
    std::vector<float> upper;
};
Result<std::shared_ptr<const FactoredHessian>> factoredHessian(const CalibrationStatistics& calibration,
                                                               double damping, bool byActivity);

/// U with matrix^-1 = U^T U, raising the damping by 0.01 (of the mean diagonal) until it exists: a note says
/// so. InvalidArgument if even a damping of 1 more does not help.
Result<std::vector<float>> factorInverse(PreparedHessian& hessian);

}  // namespace quantscope
