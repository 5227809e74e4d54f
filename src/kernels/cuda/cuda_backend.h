// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernels/integer_gemm.h"

/// Products on a GPU with the contracts of integer_gemm.h: same arguments, same bits (W4A16: the same to
/// about 1e-6 of sum |x w|), host memory in and out. Every program has these functions; one built without
/// QUANTSCOPE_CUDA answers each with Unsupported. Errors of the GPU name the CUDA call and its own words:
/// NotFound (no driver, no device), OutOfMemory, InvalidArgument (a size beyond what a grid holds), Internal
/// (all others; the device is not to be used any more).
namespace quantscope {

/// A GPU of this machine.
struct CudaDeviceInfo {
    int index = 0;
    std::string name;  ///< "NVIDIA A100-SXM4-80GB"
    int major = 0;     ///< compute capability
    int minor = 0;
    int multiprocessors = 0;
    uint64_t memoryBytes = 0;

    /// m16n8k32 on tensor cores and asynchronous copies; others multiply with dp4a.
    [[nodiscard]] bool hasInt8TensorCores() const { return major >= 8; }
};
/// "NVIDIA A100-SXM4-80GB (8.0, 108 multiprocessors, 79 GiB)".
std::string describe(const CudaDeviceInfo& device);

/// All of them, at least one.
Result<std::vector<CudaDeviceInfo>> listCudaDevices();

struct CudaDeviceOptions {
    bool tensorCores = true;  ///< false: dp4a, even where there are tensor cores
};

/// A GPU in use: a stream and memory that grows with its products. One thread at a time.
class CudaDevice {
 public:
    /// NotFound for an index that listCudaDevices does not have.
    static Result<CudaDevice> open(int index, const CudaDeviceOptions& options = {});

    [[nodiscard]] const CudaDeviceInfo& info() const { return m_info; }

    struct Data;
    [[nodiscard]] Data& data() const { return *m_data; }

 private:
    CudaDeviceInfo m_info;
    std::shared_ptr<Data> m_data;
};

/// An int8 weight on a device, with the sum of each output channel. Immutable; copies share it.
class CudaInt8Weights {
 public:
    CudaInt8Weights() = default;

    /// W[j][i] = codes[j * stride + i]; errors also as PackedInt8Weights::pack.
    static Result<CudaInt8Weights> upload(const CudaDevice& device, const int8_t* codes, int64_t outputs,
                                          int64_t inputs, int64_t stride = 0);
    [[nodiscard]] int64_t outputs() const { return m_outputs; }
    [[nodiscard]] int64_t inputs() const { return m_inputs; }

    struct Data;
    [[nodiscard]] const Data& data() const { return *m_data; }

 private:
    int64_t m_outputs = 0;
    int64_t m_inputs = 0;
    std::shared_ptr<const Data> m_data;
};

/// A 4-bit weight on a device.
class CudaInt4Weights {
 public:
    CudaInt4Weights() = default;

    /// Errors also as PackedInt4Weights::pack.
    static Result<CudaInt4Weights> upload(const CudaDevice& device, const Int4Source& source);
    [[nodiscard]] int64_t outputs() const { return m_outputs; }
    [[nodiscard]] int64_t inputs() const { return m_inputs; }

    struct Data;
    [[nodiscard]] const Data& data() const { return *m_data; }

 private:
    int64_t m_outputs = 0;
    int64_t m_inputs = 0;
    std::shared_ptr<const Data> m_data;
};

/// How long a call took.
struct CudaTiming {
    int launches = 1;          ///< asked for: the kernel runs so often, the result is that of one run
    double kernelSeconds = 0;  ///< of one launch, by the device's clock, without transfers
    double totalSeconds = 0;   ///< of the whole call with one launch: X there, the kernel, Y back
};

/// See integer_gemm.h. `timing`, when given, is filled in; accumulate adds once for each launch.
Status multiplyInt8(const CudaDevice& device, const CodeView& x, const CudaInt8Weights& weights, int32_t* y,
                    int64_t yStride = 0, CudaTiming* timing = nullptr);
Status multiplyInt8(const CudaDevice& device, const CodeView& x, const CudaInt8Weights& weights,
                    const Int8Dequantize& dequantize, float* y, int64_t yStride = 0,
                    CudaTiming* timing = nullptr);
Status multiplyInt4(const CudaDevice& device, const MatrixView& x, const CudaInt4Weights& weights, float* y,
                    int64_t yStride = 0, const float* bias = nullptr, CudaTiming* timing = nullptr);
Status quantizeRows(const CudaDevice& device, const MatrixView& x, ActivationCodes kind, QuantizedRows& out,
                    const std::optional<StaticRange>& fixed = {}, CudaTiming* timing = nullptr);
/// y[i * cols + k] = float(code - zero_i) * scale_i.
Status dequantizeRows(const CudaDevice& device, const QuantizedRows& rows, float* y,
                      CudaTiming* timing = nullptr);

}  // namespace quantscope
