// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernels/cuda/cuda_backend.h"

namespace quantscope {

/// An int8 product on one GPU, the weight there beforehand.
struct CudaProductTiming {
    CudaDeviceInfo device;
    double seconds = 0;              ///< a launch, by the device's clock
    double secondsWithTransfer = 0;  ///< X there, the kernel, Y back; the fastest of several
    std::optional<Error> error;      ///< why there are no times
};

/// X W^T of [rows x k] and [outputs x k] on every GPU of this machine, compared with `expected` before it is
/// timed; other sums are the device's error, Internal. Fails as listCudaDevices does.
Result<std::vector<CudaProductTiming>> timeOnCuda(const CodeView& x, const int8_t* w, int64_t outputs,
                                                  std::span<const int32_t> expected);

}  // namespace quantscope
