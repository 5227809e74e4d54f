// SPDX-License-Identifier: Apache-2.0
// The CUDA runtime and the launches as far as the backend uses them, in host memory: an executable that has
// this file takes these functions in place of the static runtime's. Device memory is filled with garbage,
// host pointers where a device's belong (and the other way round) are refused, launches run on an emulated
// GPU.
#include "cuda_fake_runtime.h"

#include <cuda_runtime_api.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>

#include "cuda_emulation.h"
#include "kernels/cuda/launches.h"

namespace quantscope::test {
namespace {

struct Runtime {
    std::string failing;
    cudaError_t code = cudaSuccess;
    std::string complaint;
    std::map<const char*, size_t> allocations;

    cudaError_t call(const char* name) { return failing == name ? code : cudaSuccess; }
    cudaError_t refuse(const std::string& what) {
        if (complaint.empty()) complaint = what;
        return cudaErrorInvalidValue;
    }
    /// [p, p + bytes) lies in one allocation.
    [[nodiscard]] bool isOnDevice(const void* p, size_t bytes) const {
        const auto* begin = static_cast<const char*>(p);
        auto it = allocations.upper_bound(begin);
        if (it == allocations.begin()) return false;
        --it;
        return begin + bytes <= it->first + it->second;
    }
};

Runtime& runtime() {
    static Runtime it;
    return it;
}

cudaError_t launched(const char* kernel, const std::string& wrong) {
    if (const cudaError_t code = runtime().call("cudaLaunchKernel"); code != cudaSuccess) return code;
    return wrong.empty() ? cudaSuccess : runtime().refuse(std::string(kernel) + ": " + wrong);
}

cudaError_t copyRows(const char* name, void* to, size_t toPitch, const void* from, size_t fromPitch,
                     size_t bytes, size_t rows, cudaMemcpyKind kind) {
    if (const cudaError_t code = runtime().call(name); code != cudaSuccess) return code;
    if (toPitch < bytes || fromPitch < bytes) return runtime().refuse("a pitch below the row");
    const bool toDevice = kind == cudaMemcpyHostToDevice;
    const void* inside = toDevice ? to : from;
    const size_t extent = (rows - 1) * (toDevice ? toPitch : fromPitch) + bytes;
    if (!runtime().isOnDevice(inside, extent)) return runtime().refuse("a copy beyond device memory");
    if (runtime().isOnDevice(toDevice ? from : to, 1)) return runtime().refuse("a copy the wrong way");
    for (size_t row = 0; row < rows; ++row) {
        std::memcpy(static_cast<char*>(to) + row * toPitch, static_cast<const char*>(from) + row * fromPitch,
                    bytes);
    }
    return cudaSuccess;
}

}  // namespace

bool fakesCudaRuntime() {
    return true;
}

void failCudaCall(const std::string& name, int code) {
    runtime().failing = name;
    runtime().code = static_cast<cudaError_t>(code);
}

std::string cudaRuntimeComplaint() {
    return runtime().complaint;
}

}  // namespace quantscope::test

namespace quantscope::cuda {

using test::launched;
using test::runtime;

cudaError_t launchInt8(const Int8Problem& p, bool isSigned, TileKind tile, cudaStream_t) {
    const auto depth = static_cast<size_t>(p.depth);
    const auto whole = [&](const void* data, int64_t pitch, int rows) {
        return runtime().isOnDevice(data, static_cast<size_t>(pitch * (rows - 1)) + depth);
    };
    if (!whole(p.x, p.xPitch, p.rows) || !whole(p.w, p.wPitch, p.columns))
        return runtime().refuse("a kernel reads host memory");
    return launched("int8", test::emulateInt8(p, isSigned, tile));
}

cudaError_t launchInt4(const Int4Problem& p, cudaStream_t) {
    if (!runtime().isOnDevice(p.x, 4) || !runtime().isOnDevice(p.words, 4) || !runtime().isOnDevice(p.y, 4))
        return runtime().refuse("a kernel reads host memory");
    return launched("int4", test::emulateInt4(p));
}

cudaError_t launchQuantize(const QuantizeProblem& p, cudaStream_t) {
    return launched("quantize", test::emulateQuantize(p));
}

cudaError_t launchDequantize(const DequantizeProblem& p, cudaStream_t) {
    return launched("dequantize", test::emulateDequantize(p));
}

}  // namespace quantscope::cuda

using quantscope::test::runtime;

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
    *count = 1;
    return runtime().call("cudaGetDeviceCount");
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
    std::strcpy(properties->name, "emulated GPU");
    properties->major = 8;
    properties->multiProcessorCount = 2;
    properties->totalGlobalMem = size_t{1} << 30;
    return device == 0 ? runtime().call("cudaGetDeviceProperties") : cudaErrorInvalidDevice;
}

cudaError_t cudaSetDevice(int device) {
    return device == 0 ? runtime().call("cudaSetDevice") : cudaErrorInvalidDevice;
}

cudaError_t cudaMalloc(void** p, size_t bytes) {
    if (const cudaError_t code = runtime().call("cudaMalloc"); code != cudaSuccess) return code;
    *p = std::malloc(bytes);
    std::memset(*p, 0xCD, bytes);
    runtime().allocations[static_cast<const char*>(*p)] = bytes;
    return cudaSuccess;
}

cudaError_t cudaFree(void* p) {
    if (runtime().allocations.erase(static_cast<const char*>(p)) == 0) return runtime().refuse("freed twice");
    std::free(p);
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t) {
    return quantscope::test::copyRows("cudaMemcpyAsync", to, bytes, from, bytes, bytes, 1, kind);
}

cudaError_t cudaMemcpy2DAsync(void* to, size_t toPitch, const void* from, size_t fromPitch, size_t bytes,
                              size_t rows, cudaMemcpyKind kind, cudaStream_t) {
    return quantscope::test::copyRows("cudaMemcpy2DAsync", to, toPitch, from, fromPitch, bytes, rows, kind);
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
    *stream = nullptr;
    return runtime().call("cudaStreamCreate");
}

cudaError_t cudaStreamDestroy(cudaStream_t) {
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t) {
    return runtime().call("cudaStreamSynchronize");
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
    *event = nullptr;
    return runtime().call("cudaEventCreate");
}

cudaError_t cudaEventDestroy(cudaEvent_t) {
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) {
    return runtime().call("cudaEventRecord");
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t, cudaEvent_t) {
    *milliseconds = 1;
    return runtime().call("cudaEventElapsedTime");
}

cudaError_t cudaGetLastError() {
    return cudaSuccess;
}

const char* cudaGetErrorName(cudaError_t) {
    return "cudaErrorFake";
}

const char* cudaGetErrorString(cudaError_t) {
    return "a failure that was asked for";
}

}  // extern "C"
