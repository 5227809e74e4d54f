// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

#include "kernels/cuda/cuda_runtime_calls.h"

namespace quantscope::cuda {

/// A matrix in the host's memory, in bytes.
struct HostMatrix {
    void* data = nullptr;
    int64_t rows = 0;
    int64_t bytesPerRow = 0;
    int64_t pitch = 0;  ///< bytes from row to row
};

/// One product on a device: arguments there, the kernel, results back; timed when asked. The first failure
/// ends it; finish() waits for everything and tells.
class DeviceCall {
 public:
    DeviceCall(const CudaDevice& device, CudaTiming* timing)
        : m_device(device.data()), m_timing(timing), m_start(Clock::now()) {
        m_calls.then("cudaSetDevice", [&] { return cudaSetDevice(m_device.index); });
    }

    [[nodiscard]] CudaDevice::Data& device() const { return m_device; }
    [[nodiscard]] CudaCalls& calls() { return m_calls; }

    /// Rows of `host` at multiples of `pitch` bytes.
    void send(const HostMatrix& host, DeviceMemory& memory, int64_t pitch) {
        m_calls.then(m_calls.status() ? memory.reserve(host.rows * pitch) : Status{});
        copy(memory.as<void>(), pitch, host.data, host.pitch, host, cudaMemcpyHostToDevice);
    }
    void receive(const HostMatrix& host, const DeviceMemory& memory, int64_t pitch) {
        copy(host.data, host.pitch, memory.as<void>(), pitch, host, cudaMemcpyDeviceToHost);
    }

    /// launch() returns a cudaError_t; called as often as the timing asks.
    template <class Launch>
    void launch(const Launch& launch) {
        m_launches = m_timing == nullptr ? 1 : std::max(1, m_timing->launches);
        record(m_device.begin);
        for (int i = 0; i < m_launches; ++i) m_calls.then("cudaLaunchKernel", launch);
        record(m_device.end);
    }

    Status finish() {
        m_calls.then("cudaStreamSynchronize", [&] { return cudaStreamSynchronize(m_device.stream); });
        if (m_timing == nullptr || !m_calls.status()) return m_calls.status();
        float milliseconds = 0;
        m_calls.then("cudaEventElapsedTime",
                     [&] { return cudaEventElapsedTime(&milliseconds, m_device.begin, m_device.end); });
        const double seconds = std::chrono::duration<double>(Clock::now() - m_start).count();
        m_timing->kernelSeconds = 1e-3 * static_cast<double>(milliseconds) / m_launches;
        // Two clocks: their difference may come out below the one launch that is part of it.
        m_timing->totalSeconds =
            std::max(m_timing->kernelSeconds, seconds - (m_launches - 1) * m_timing->kernelSeconds);
        return m_calls.status();
    }

 private:
    using Clock = std::chrono::steady_clock;

    void copy(void* to, int64_t toPitch, const void* from, int64_t fromPitch, const HostMatrix& host,
              cudaMemcpyKind kind) {
        // Pitches are bounded, whole blocks are not.
        const bool whole = host.rows == 1 || (toPitch == host.bytesPerRow && fromPitch == host.bytesPerRow);
        const auto bytes = static_cast<size_t>(host.bytesPerRow);
        const auto rows = static_cast<size_t>(host.rows);
        if (whole) {
            m_calls.then("cudaMemcpyAsync",
                         [&] { return cudaMemcpyAsync(to, from, bytes * rows, kind, m_device.stream); });
        } else {
            m_calls.then("cudaMemcpy2DAsync", [&] {
                return cudaMemcpy2DAsync(to, static_cast<size_t>(toPitch), from,
                                         static_cast<size_t>(fromPitch), bytes, rows, kind, m_device.stream);
            });
        }
    }
    void record(cudaEvent_t event) {
        if (m_timing == nullptr) return;
        m_calls.then("cudaEventRecord", [&] { return cudaEventRecord(event, m_device.stream); });
    }

    CudaDevice::Data& m_device;
    CudaTiming* m_timing;
    int m_launches = 1;
    CudaCalls m_calls;
    Clock::time_point m_start;
};

/// Vectors of 32-bit values that go to the device together.
class Parameters {
 public:
    /// Copies `count` of them; where they will be, or "not there" for null.
    template <class T>
    int64_t add(const T* values, int64_t count) {
        static_assert(sizeof(T) == 4);
        if (values == nullptr) return kNone;
        const auto at = m_words.size();
        m_words.resize(at + static_cast<size_t>(count));
        std::memcpy(m_words.data() + at, values, 4 * static_cast<size_t>(count));
        return static_cast<int64_t>(at);
    }
    void send(DeviceCall& call) {
        if (m_words.empty()) return;
        const auto bytes = static_cast<int64_t>(4 * m_words.size());
        call.send({m_words.data(), 1, bytes, bytes}, call.device().parameters, bytes);
    }
    /// After send().
    template <class T>
    [[nodiscard]] T* on(const DeviceCall& call, int64_t at) const {
        return at == kNone ? nullptr : call.device().parameters.as<T>() + at;
    }

 private:
    static constexpr int64_t kNone = -1;
    std::vector<uint32_t> m_words;
};

}  // namespace quantscope::cuda
