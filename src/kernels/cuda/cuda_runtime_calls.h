// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "base/result.h"
#include "kernels/cuda/cuda_backend.h"

/// The CUDA runtime with errors as values and resources that free themselves. Internal to the backend.
namespace quantscope::cuda {

/// What a failed call means: its name, CUDA's words, what to do.
Error cudaFailure(const char* call, cudaError_t code);

/// Calls one after another: the first failure is kept, and nothing is called after it.
class CudaCalls {
 public:
    template <class Call>
    CudaCalls& then(const char* name, const Call& call) {
        if (!m_status) return *this;
        const cudaError_t code = call();
        if (code != cudaSuccess) {
            (void)cudaGetLastError();  // a failure that can be recovered from is told once
            m_status = fail(cudaFailure(name, code));
        }
        return *this;
    }
    /// A step that has errors of its own.
    CudaCalls& then(Status status) {
        if (m_status) m_status = std::move(status);
        return *this;
    }
    [[nodiscard]] const Status& status() const { return m_status; }

 private:
    Status m_status;
};

/// Memory of one device.
class DeviceMemory {
 public:
    DeviceMemory() = default;
    DeviceMemory(const DeviceMemory&) = delete;
    DeviceMemory& operator=(const DeviceMemory&) = delete;
    ~DeviceMemory() { release(); }

    /// At least `bytes` on the current device; what was there is lost when it has to grow.
    Status reserve(int64_t bytes);
    template <class T>
    [[nodiscard]] T* as() const {
        return static_cast<T*>(m_pointer);
    }

 private:
    void release();

    void* m_pointer = nullptr;
    int64_t m_bytes = 0;
};

}  // namespace quantscope::cuda

namespace quantscope {

struct CudaDevice::Data {
    int index = 0;
    bool tensorCores = false;
    int multiprocessors = 0;
    cudaStream_t stream = nullptr;
    cudaEvent_t begin = nullptr;
    cudaEvent_t end = nullptr;
    cuda::DeviceMemory x;
    cuda::DeviceMemory y;
    cuda::DeviceMemory parameters;

    Data() = default;
    Data(const Data&) = delete;
    Data& operator=(const Data&) = delete;
    ~Data();
};

}  // namespace quantscope
