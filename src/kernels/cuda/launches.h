// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/int4_rows.h"
#include "kernels/cuda/int8_output.h"
#include "kernels/cuda/row_kernels.h"
#include "kernels/cuda/tile_plan.h"

/// The kernels' launches, as plain functions: what includes this needs the CUDA headers, but not nvcc.
namespace quantscope::cuda {

/// All pointers are the device's; the result is that of the launch alone. Sizes are checked beforehand
/// (kMostRows and the like).
cudaError_t launchInt8(const Int8Problem& problem, bool isSigned, TileKind tile, cudaStream_t stream);
cudaError_t launchInt4(const Int4Problem& problem, cudaStream_t stream);
cudaError_t launchQuantize(const QuantizeProblem& problem, cudaStream_t stream);
cudaError_t launchDequantize(const DequantizeProblem& problem, cudaStream_t stream);

}  // namespace quantscope::cuda
