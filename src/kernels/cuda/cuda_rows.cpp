// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <utility>

#include "kernels/cuda/cuda_call.h"
#include "kernels/cuda/launches.h"
#include "kernels/cuda/product_checks.h"
#include "kernels/row_errors.h"

namespace quantscope {

using cuda::DeviceCall;

namespace {

/// One allocation for the results of a row: [rows] of scales, zeros, and the number of the first bad row.
struct RowResults {
    std::vector<int64_t> words;  ///< the first bad row, then pairs of scale and zero

    explicit RowResults(int64_t rows) : words(static_cast<size_t>(1 + rows)) { words[0] = rows; }
    [[nodiscard]] int64_t bytes() const { return static_cast<int64_t>(8 * words.size()); }
};

}  // namespace

Status quantizeRows(const CudaDevice& device, const MatrixView& x, ActivationCodes kind, QuantizedRows& out,
                    const std::optional<StaticRange>& fixed, CudaTiming* timing) {
    if (auto status = checkStaticRange(fixed); !status) return status;
    if (auto status = cuda::checkRows(x.rows, x.cols, x.stride); !status) return status;
    out.rows = x.rows;
    out.cols = x.cols;
    out.isSigned = kind == ActivationCodes::SymmetricS8;
    out.codes.resize(static_cast<size_t>(x.size()));
    out.scales.resize(static_cast<size_t>(x.rows));
    std::vector<int32_t> zeros(static_cast<size_t>(x.rows));
    RowResults results(x.rows);
    DeviceCall call(device, timing);
    CudaDevice::Data& memory = call.device();
    call.send({const_cast<float*>(x.data), x.rows, 4 * x.cols, 4 * x.stride}, memory.x, 4 * x.cols);
    if (call.calls().status()) call.calls().then(memory.y.reserve(x.size()));
    call.send({results.words.data(), 1, results.bytes(), results.bytes()}, memory.parameters,
              results.bytes());
    cuda::QuantizeProblem problem;
    problem.x = memory.x.as<const float>();
    problem.xPitch = x.cols;
    problem.rows = x.rows;
    problem.cols = x.cols;
    problem.isSigned = out.isSigned;
    problem.isFixed = fixed.has_value();
    if (fixed) problem.fixed = {fixed->scale, 1 / fixed->scale, fixed->zero};
    problem.codes = memory.y.as<uint8_t>();
    problem.codePitch = x.cols;
    problem.firstBad = memory.parameters.as<int64_t>();
    problem.scales = memory.parameters.as<float>() + 2;
    problem.zeros = memory.parameters.as<int32_t>() + 2 + x.rows;
    call.launch([&] { return cuda::launchQuantize(problem, memory.stream); });
    call.receive({out.codes.data(), 1, x.size(), x.size()}, memory.y, x.size());
    call.receive({results.words.data(), 1, results.bytes(), results.bytes()}, memory.parameters,
                 results.bytes());
    if (auto status = call.finish(); !status) return status;
    if (results.words[0] < x.rows) return fail(rowNotFinite(results.words[0]));
    const auto* parameters = reinterpret_cast<const char*>(results.words.data() + 1);
    std::memcpy(out.scales.data(), parameters, 4 * out.scales.size());
    std::memcpy(zeros.data(), parameters + 4 * x.rows, 4 * zeros.size());
    out.zeros = out.isSigned ? std::vector<int32_t>{} : std::move(zeros);
    return {};
}

Status dequantizeRows(const CudaDevice& device, const QuantizedRows& rows, float* y, CudaTiming* timing) {
    if (auto status = cuda::checkRows(rows.rows, rows.cols, rows.cols); !status) return status;
    DeviceCall call(device, timing);
    CudaDevice::Data& memory = call.device();
    const int64_t count = rows.rows * rows.cols;
    cuda::Parameters parameters;
    const int64_t scales = parameters.add(rows.scales.data(), rows.rows);
    const int64_t zeros = parameters.add(rows.zeros.empty() ? nullptr : rows.zeros.data(), rows.rows);
    parameters.send(call);
    call.send({const_cast<uint8_t*>(rows.codes.data()), 1, count, count}, memory.x, count);
    if (call.calls().status()) call.calls().then(memory.y.reserve(4 * count));
    cuda::DequantizeProblem problem;
    problem.codes = memory.x.as<const uint8_t>();
    problem.codePitch = rows.cols;
    problem.rows = rows.rows;
    problem.cols = rows.cols;
    problem.isSigned = rows.isSigned;
    problem.scales = parameters.on<const float>(call, scales);
    problem.zeros = parameters.on<const int32_t>(call, zeros);
    problem.y = memory.y.as<float>();
    problem.yPitch = rows.cols;
    call.launch([&] { return cuda::launchDequantize(problem, memory.stream); });
    call.receive({y, 1, 4 * count, 4 * count}, memory.y, 4 * count);
    return call.finish();
}

}  // namespace quantscope
