// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <type_traits>
#include <utility>

#include "base/parallel_for.h"
#include "kernels/cuda/cuda_call.h"
#include "kernels/cuda/launches.h"
#include "kernels/cuda/product_checks.h"

namespace quantscope {

using cuda::DeviceCall;
using cuda::Parameters;

struct CudaInt8Weights::Data {
    int device = 0;
    cuda::DeviceMemory codes;
    cuda::DeviceMemory columnSums;
};

namespace {

std::vector<int32_t> sumsOfRows(const int8_t* codes, int64_t rows, int64_t cols, int64_t stride) {
    std::vector<int32_t> sums(static_cast<size_t>(rows));
    parallelFor(rows, std::max<int64_t>(1, 262144 / cols), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            int32_t sum = 0;
            for (int64_t k = 0; k < cols; ++k) sum += codes[i * stride + k];
            sums[static_cast<size_t>(i)] = sum;
        }
    });
    return sums;
}

/// sum_k x_ik - k rowZero_i, what an affine weight multiplies with its zero point.
std::vector<int32_t> termsOfRows(const CodeView& x, const int32_t* rowZeros) {
    std::vector<int32_t> terms(static_cast<size_t>(x.rows));
    for (int64_t i = 0; i < x.rows; ++i) {
        const auto* row = static_cast<const uint8_t*>(x.data) + i * x.stride;
        int64_t sum = 0;
        for (int64_t k = 0; k < x.cols; ++k) sum += x.isSigned ? static_cast<int8_t>(row[k]) : row[k];
        if (rowZeros != nullptr) sum -= x.cols * rowZeros[i];
        terms[static_cast<size_t>(i)] = static_cast<int32_t>(sum);
    }
    return terms;
}

/// The product of either kind, as T says. `output` has device pointers but for y, which is on the host.
template <class T>
Status multiply(DeviceCall& call, const CodeView& x, const CudaInt8Weights& weights, Int8Output output, T* y,
                int64_t yStride) {
    CudaDevice::Data& device = call.device();
    const int64_t outputs = weights.outputs();
    cuda::Int8Problem problem;
    problem.xPitch = cuda::pitchOf(x.cols);
    problem.wPitch = cuda::pitchOf(x.cols);
    call.send({const_cast<void*>(x.data), x.rows, x.cols, x.stride}, device.x, problem.xPitch);
    const cuda::HostMatrix host{y, x.rows, 4 * outputs, 4 * (yStride == 0 ? outputs : yStride)};
    output.stride = cuda::pitchOf(4 * outputs) / 4;
    if (output.accumulate) {
        call.send(host, device.y, 4 * output.stride);
    } else if (call.calls().status()) {
        call.calls().then(device.y.reserve(x.rows * 4 * output.stride));
    }
    problem.x = device.x.as<const uint8_t>();
    problem.w = weights.data().codes.as<const int8_t>();
    problem.rows = static_cast<int>(x.rows);
    problem.columns = static_cast<int>(outputs);
    problem.depth = static_cast<int>(x.cols);
    output.columnSums = weights.data().columnSums.as<const int32_t>();
    if constexpr (std::is_same_v<T, float>) {
        output.floats = device.y.as<float>();
    } else {
        output.sums = device.y.as<int32_t>();
    }
    problem.output = output;
    const cuda::TileKind tile = cuda::chooseTile(x.rows, outputs, device.multiprocessors, device.tensorCores);
    call.launch([&] { return cuda::launchInt8(problem, x.isSigned, tile, device.stream); });
    call.receive(host, device.y, 4 * output.stride);
    return call.finish();
}

}  // namespace

Result<CudaInt8Weights> CudaInt8Weights::upload(const CudaDevice& device, const int8_t* codes,
                                                int64_t outputs, int64_t inputs, int64_t stride) {
    if (stride == 0) stride = inputs;
    if (auto status = cuda::checkWeight(outputs, inputs, stride); !status) return fail(status.error());
    auto data = std::make_shared<Data>();
    data->device = device.data().index;
    std::vector<int32_t> sums = sumsOfRows(codes, outputs, inputs, stride);
    DeviceCall call(device, nullptr);
    call.send({const_cast<int8_t*>(codes), outputs, inputs, stride}, data->codes, cuda::pitchOf(inputs));
    call.send({sums.data(), 1, 4 * outputs, 4 * outputs}, data->columnSums, 4 * outputs);
    if (auto status = call.finish(); !status) return fail(status.error());
    CudaInt8Weights weights;
    weights.m_outputs = outputs;
    weights.m_inputs = inputs;
    weights.m_data = std::move(data);
    return weights;
}

Status multiplyInt8(const CudaDevice& device, const CodeView& x, const CudaInt8Weights& weights, int32_t* y,
                    int64_t yStride, CudaTiming* timing) {
    if (auto status = cuda::checkProduct(x, weights.inputs(), weights.outputs(), yStride); !status)
        return status;
    if (weights.data().device != device.data().index) return cuda::wrongDevice();
    DeviceCall call(device, timing);
    return multiply(call, x, weights, {}, y, yStride);
}

Status multiplyInt8(const CudaDevice& device, const CodeView& x, const CudaInt8Weights& weights,
                    const Int8Dequantize& how, float* y, int64_t yStride, CudaTiming* timing) {
    if (auto status = cuda::checkProduct(x, weights.inputs(), weights.outputs(), yStride); !status)
        return status;
    if (auto status = cuda::checkZeroPoints(how, x.cols); !status) return status;
    if (weights.data().device != device.data().index) return cuda::wrongDevice();
    DeviceCall call(device, timing);
    Parameters parameters;
    std::vector<int32_t> terms;
    if (how.columnZeros != nullptr) terms = termsOfRows(x, how.rowZeros);
    const int64_t rowScales = parameters.add(how.rowScales, x.rows);
    const int64_t columnScales = parameters.add(how.columnScales, weights.outputs());
    const int64_t bias = parameters.add(how.bias, weights.outputs());
    const int64_t rowZeros = parameters.add(how.rowZeros, x.rows);
    const int64_t columnZeros = parameters.add(how.columnZeros, weights.outputs());
    const int64_t rowTerms = parameters.add(terms.empty() ? nullptr : terms.data(), x.rows);
    parameters.send(call);
    Int8Output output;
    output.accumulate = how.accumulate;
    output.rowScales = parameters.on<const float>(call, rowScales);
    output.columnScales = parameters.on<const float>(call, columnScales);
    output.bias = parameters.on<const float>(call, bias);
    output.rowZeros = parameters.on<const int32_t>(call, rowZeros);
    output.columnZeros = parameters.on<const int32_t>(call, columnZeros);
    output.rowTerms = parameters.on<const int32_t>(call, rowTerms);
    return multiply(call, x, weights, output, y, yStride);
}

}  // namespace quantscope
