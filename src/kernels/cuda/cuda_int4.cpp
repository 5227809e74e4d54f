// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "kernels/cuda/cuda_call.h"
#include "kernels/cuda/int4_words.h"
#include "kernels/cuda/launches.h"
#include "kernels/cuda/product_checks.h"

namespace quantscope {

using cuda::DeviceCall;

struct CudaInt4Weights::Data {
    int device = 0;
    int64_t groupSize = 0;
    int64_t groups = 0;
    int64_t wordPitch = 0;
    bool hasZeros = false;
    cuda::DeviceMemory words;
    cuda::DeviceMemory scales;
    cuda::DeviceMemory zeros;
};

Result<CudaInt4Weights> CudaInt4Weights::upload(const CudaDevice& device, const Int4Source& source) {
    const int64_t groupSize =
        source.groupSize == 0 ? cuda::ceilDivide<int64_t>(source.inputs, 4) * 4 : source.groupSize;
    if (auto status = cuda::checkInt4Weight(source, groupSize); !status) return fail(status.error());
    auto data = std::make_shared<Data>();
    data->device = device.data().index;
    data->groupSize = groupSize;
    data->groups = cuda::ceilDivide(source.inputs, groupSize);
    data->wordPitch = cuda::ceilDivide<int64_t>(source.inputs, cuda::kCodesOfWord);
    data->hasZeros = source.zeros != nullptr;
    std::vector<uint32_t> words = cuda::int4Words(source.codes, source.outputs, source.inputs);
    const auto wordBytes = static_cast<int64_t>(4 * words.size());
    const int64_t parameters = source.outputs * data->groups;
    DeviceCall call(device, nullptr);
    call.send({words.data(), 1, wordBytes, wordBytes}, data->words, wordBytes);
    call.send({const_cast<float*>(source.scales), 1, 4 * parameters, 4 * parameters}, data->scales,
              4 * parameters);
    if (data->hasZeros)
        call.send({const_cast<uint8_t*>(source.zeros), 1, parameters, parameters}, data->zeros, parameters);
    if (auto status = call.finish(); !status) return fail(status.error());
    CudaInt4Weights weights;
    weights.m_outputs = source.outputs;
    weights.m_inputs = source.inputs;
    weights.m_data = std::move(data);
    return weights;
}

Status multiplyInt4(const CudaDevice& device, const MatrixView& x, const CudaInt4Weights& weights, float* y,
                    int64_t yStride, const float* bias, CudaTiming* timing) {
    if (auto status = cuda::checkProduct(x, weights.inputs(), weights.outputs(), yStride); !status)
        return status;
    const CudaInt4Weights::Data& w = weights.data();
    if (w.device != device.data().index) return cuda::wrongDevice();
    DeviceCall call(device, timing);
    CudaDevice::Data& memory = call.device();
    const int64_t outputs = weights.outputs();
    cuda::Int4Problem problem;
    problem.xPitch = cuda::pitchOf(4 * x.cols) / 4;
    call.send({const_cast<float*>(x.data), x.rows, 4 * x.cols, 4 * x.stride}, memory.x, 4 * problem.xPitch);
    cuda::Parameters parameters;
    const int64_t biasAt = parameters.add(bias, outputs);
    parameters.send(call);
    if (call.calls().status()) call.calls().then(memory.y.reserve(x.rows * 4 * outputs));
    problem.x = memory.x.as<const float>();
    problem.words = w.words.as<const uint32_t>();
    problem.wordPitch = w.wordPitch;
    problem.scales = w.scales.as<const float>();
    problem.zeros = w.hasZeros ? w.zeros.as<const uint8_t>() : nullptr;
    problem.bias = parameters.on<const float>(call, biasAt);
    problem.y = memory.y.as<float>();
    problem.yStride = outputs;
    problem.rows = static_cast<int>(x.rows);
    problem.columns = static_cast<int>(outputs);
    problem.depth = static_cast<int>(x.cols);
    problem.groups = static_cast<int>(w.groups);
    problem.groupSize = static_cast<int>(w.groupSize);
    problem.groupShift = cuda::shiftOf(w.groupSize);
    call.launch([&] { return cuda::launchInt4(problem, memory.stream); });
    call.receive({y, x.rows, 4 * outputs, 4 * (yStride == 0 ? outputs : yStride)}, memory.y, 4 * outputs);
    return call.finish();
}

}  // namespace quantscope
