// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "kernels/cuda/cuda_backend.h"

namespace quantscope {

std::string describe(const CudaDeviceInfo& device) {
    constexpr double kGibibyte = 1 << 30;
    return fmt::format("{} ({}.{}, {} multiprocessors, {:.0f} GiB)", device.name, device.major, device.minor,
                       device.multiprocessors, static_cast<double>(device.memoryBytes) / kGibibyte);
}

}  // namespace quantscope
