// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/cuda_runtime_calls.h"

#include <fmt/format.h>

#include <algorithm>

namespace quantscope::cuda {
namespace {

constexpr const char* kField = "cuda";

}  // namespace

Error cudaFailure(const char* call, cudaError_t code) {
    const std::string words =
        fmt::format("{}: {} ({})", call, cudaGetErrorString(code), cudaGetErrorName(code));
    switch (code) {
        case cudaErrorInsufficientDriver:
        case cudaErrorSystemDriverMismatch:
            return {ErrorKind::NotFound,
                    "no NVIDIA driver that this program can use; " + words,
                    {},
                    kField,
                    "Install or update the NVIDIA driver."};
        case cudaErrorNoDevice:
        case cudaErrorInvalidDevice:
            return {ErrorKind::NotFound,
                    "no such CUDA device; " + words,
                    {},
                    kField,
                    "Check with nvidia-smi which devices this machine has."};
        case cudaErrorMemoryAllocation:
            return {ErrorKind::OutOfMemory,
                    "the CUDA device has no memory left; " + words,
                    {},
                    kField,
                    "Close other programs on the device, or multiply fewer rows at once."};
        case cudaErrorNoKernelImageForDevice:
        case cudaErrorInvalidDeviceFunction:
            return {ErrorKind::Unsupported,
                    "this program was not compiled for the CUDA device; " + words,
                    {},
                    kField,
                    "Configure with -DCMAKE_CUDA_ARCHITECTURES=native."};
        default:
            return {ErrorKind::Internal, "the CUDA device failed; " + words, {}, kField, {}};
    }
}

Status DeviceMemory::reserve(int64_t bytes) {
    if (bytes <= m_bytes) return {};
    release();
    CudaCalls calls;
    calls.then("cudaMalloc", [&] { return cudaMalloc(&m_pointer, static_cast<size_t>(bytes)); });
    if (!calls.status()) {
        m_pointer = nullptr;
        return calls.status();
    }
    m_bytes = bytes;
    return {};
}

void DeviceMemory::release() {
    if (m_pointer != nullptr) (void)cudaFree(m_pointer);
    m_pointer = nullptr;
    m_bytes = 0;
}

}  // namespace quantscope::cuda
