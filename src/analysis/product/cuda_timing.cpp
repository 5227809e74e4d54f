// SPDX-License-Identifier: Apache-2.0
#include "analysis/product/cuda_timing.h"

#include <fmt/format.h>

#include <algorithm>

namespace quantscope {
namespace {

Status timeOn(const CudaDeviceInfo& info, const CodeView& x, const int8_t* w, int64_t outputs,
              std::span<const int32_t> expected, CudaProductTiming& result) {
    const auto device = CudaDevice::open(info.index);
    if (!device) return fail(device.error());
    const auto weights = CudaInt8Weights::upload(*device, w, outputs, x.cols);
    if (!weights) return fail(weights.error());
    std::vector<int32_t> sums(expected.size());
    // The first call also sets up the device and its memory.
    if (auto status = multiplyInt8(*device, x, *weights, sums.data()); !status) return status;
    if (!std::equal(sums.begin(), sums.end(), expected.begin())) {
        return fail(ErrorKind::Internal, fmt::format("{} gives other sums", info.name), "kernels");
    }
    CudaTiming many{.launches = 20};
    if (auto status = multiplyInt8(*device, x, *weights, sums.data(), 0, &many); !status) return status;
    result.seconds = many.kernelSeconds;
    for (int run = 0; run < 5; ++run) {
        CudaTiming one;
        if (auto status = multiplyInt8(*device, x, *weights, sums.data(), 0, &one); !status) return status;
        const double seconds = one.totalSeconds;
        result.secondsWithTransfer = run == 0 ? seconds : std::min(result.secondsWithTransfer, seconds);
    }
    return {};
}

}  // namespace

Result<std::vector<CudaProductTiming>> timeOnCuda(const CodeView& x, const int8_t* w, int64_t outputs,
                                                  std::span<const int32_t> expected) {
    const auto devices = listCudaDevices();
    if (!devices) return fail(devices.error());
    std::vector<CudaProductTiming> timings;
    for (const CudaDeviceInfo& device : *devices) {
        CudaProductTiming timing{device, 0, 0, {}};
        if (auto status = timeOn(device, x, w, outputs, expected, timing); !status)
            timing.error = status.error();
        timings.push_back(std::move(timing));
    }
    return timings;
}

}  // namespace quantscope
