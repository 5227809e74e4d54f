// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "methods/interface/layer_result.h"
#include "methods/parts/calibration_statistics.h"
#include "quant/quantized_tensor.h"
#include "tensor/tensor.h"

namespace quantscope {

/// Codes (row-major, in codeMin..codeMax) and group parameters as the tensor later stages see. Parameters
/// are stored as the scheme says (scaleFormat).
QuantizedTensor codedWeight(const Scheme& scheme, const Shape& shape, std::span<const int32_t> codes,
                            std::vector<GroupParams> groups);

/// The same where codes are made row by row: codesOf(row, codes) fills in one row's, on any thread.
QuantizedTensor codedRows(const Scheme& scheme, const Shape& shape, std::vector<GroupParams> groups,
                          const std::function<void(int64_t row, std::span<int32_t> codes)>& codesOf);

/// The parameters the scheme's estimator chooses for one block of values.
GroupParams blockParams(const MatrixView& block, const Scheme& scheme);

/// r^ of every element: quantize() and dequantize() in one, without packing. `groups` as chooseGroupParams()
/// gives them.
std::vector<float> roundTrip(const MatrixView& values, const Scheme& scheme,
                             const std::vector<GroupParams>& groups);
Result<std::vector<float>> roundTrip(const MatrixView& values, const Scheme& scheme, const Job& job);

/// Round to nearest of a weight that already stands in the basis of `transform`, as a result: codes, values
/// back in the layer's own basis, the transform and `extraBytes` for what it stores.
Result<LayerResult> roundInBasis(const Tensor& weight, const Scheme& scheme, ActivationTransform transform,
                                 uint64_t extraBytes, const Job& job);

/// The weight in the basis of `transform`.
Tensor inBasis(const ActivationTransform& transform, const Tensor& weight);

}  // namespace quantscope
