// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/job.h"
#include "base/result.h"
#include "tensor/tensor.h"

namespace quantscope {

/// Densities of synthetic matrices; s is `scale`.
enum class Distribution : uint8_t {
    Normal,          ///< s N(0, 1): std s, kurtosis 3
    Laplace,         ///< density exp(-|x| / s) / (2 s): std s sqrt(2), kurtosis 6
    StudentT,        ///< s t(nu): std s sqrt(nu / (nu - 2)) for nu > 2
    Uniform,         ///< [-s, s): std s / sqrt(3), kurtosis 1.8
    Bimodal,         ///< s N(±separation, 1), each sign half of the elements
    OutlierChannels  ///< s N(0, 1), some columns multiplied by outlierFactor
};

/// A synthetic matrix is a pure function of this. Element (i, j) uses number i * cols + j of
/// CounterRandom(seed), so the values do not depend on the number of threads.
struct SyntheticMatrix {
    Distribution distribution = Distribution::Normal;
    int64_t rows = 512;
    int64_t cols = 1024;
    uint64_t seed = 1;
    double scale = 1;
    double degreesOfFreedom = 4;  ///< StudentT only, >= 0.5
    double separation = 3;        ///< Bimodal only
    int64_t outlierCount = 6;     ///< OutlierChannels only: columns, drawn without replacement from the seed
    double outlierFactor = 20;    ///< OutlierChannels only
    bool operator==(const SyntheticMatrix&) const = default;
};

/// F32 [rows x cols]. Errors: InvalidArgument (a size below 1 or more than 2^31 elements, a parameter that is
/// not finite or not positive), Cancelled.
Result<Tensor> generate(const SyntheticMatrix& matrix, const Job& job = {});

}  // namespace quantscope
