// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "kernels/cuda/cuda_runtime_calls.h"

namespace quantscope {

using cuda::CudaCalls;

Result<std::vector<CudaDeviceInfo>> listCudaDevices() {
    int count = 0;
    CudaCalls calls;
    calls.then("cudaGetDeviceCount", [&] {
        const cudaError_t code = cudaGetDeviceCount(&count);
        return code == cudaSuccess && count == 0 ? cudaErrorNoDevice : code;
    });
    std::vector<CudaDeviceInfo> devices;
    for (int index = 0; index < count && calls.status(); ++index) {
        cudaDeviceProp properties{};
        calls.then("cudaGetDeviceProperties", [&] { return cudaGetDeviceProperties(&properties, index); });
        devices.push_back({index, properties.name, properties.major, properties.minor,
                           properties.multiProcessorCount, properties.totalGlobalMem});
    }
    if (!calls.status()) return fail(calls.status().error());
    return devices;
}

Result<CudaDevice> CudaDevice::open(int index, const CudaDeviceOptions& options) {
    const auto devices = listCudaDevices();
    if (!devices) return fail(devices.error());
    if (index < 0 || index >= static_cast<int>(devices->size())) {
        return fail(ErrorKind::NotFound,
                    fmt::format("there is no CUDA device {}, only {}", index, devices->size()), "cuda",
                    "Choose one of those that are listed.");
    }
    CudaDevice device;
    device.m_info = (*devices)[static_cast<size_t>(index)];
    device.m_data = std::make_shared<Data>();
    Data& data = *device.m_data;
    data.index = index;
    data.tensorCores = options.tensorCores && device.m_info.hasInt8TensorCores();
    data.multiprocessors = device.m_info.multiprocessors;
    CudaCalls calls;
    calls.then("cudaSetDevice", [&] { return cudaSetDevice(index); })
        .then("cudaStreamCreate", [&] { return cudaStreamCreate(&data.stream); })
        .then("cudaEventCreate", [&] { return cudaEventCreate(&data.begin); })
        .then("cudaEventCreate", [&] { return cudaEventCreate(&data.end); });
    if (!calls.status()) return fail(calls.status().error());
    return device;
}

CudaDevice::Data::~Data() {
    (void)cudaSetDevice(index);
    if (end != nullptr) (void)cudaEventDestroy(end);
    if (begin != nullptr) (void)cudaEventDestroy(begin);
    if (stream != nullptr) (void)cudaStreamDestroy(stream);
}

}  // namespace quantscope
