// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/row_kernels.h"

#include "kernels/cuda/device_machine.cuh"
#include "kernels/cuda/int4_rows.h"
#include "kernels/cuda/launches.h"

namespace quantscope::cuda {
namespace {

__global__ __launch_bounds__(Int4Tile::kThreads) void int4RowsKernel(Int4Problem problem) {
    DeviceMachine machine(sharedMemory());
    int4Rows(machine, problem);
}

__global__ __launch_bounds__(RowTile::kThreads) void quantizeKernel(QuantizeProblem problem) {
    DeviceMachine machine(sharedMemory());
    quantizeRow(machine, problem);
}

__global__ __launch_bounds__(RowTile::kThreads) void dequantizeKernel(DequantizeProblem problem) {
    DeviceMachine machine(sharedMemory());
    dequantizeRow(machine, problem);
}

}  // namespace

cudaError_t launchInt4(const Int4Problem& problem, cudaStream_t stream) {
    const Grid grid = int4Grid(problem.rows, problem.columns);
    const dim3 blocks(static_cast<unsigned>(grid.x), static_cast<unsigned>(grid.y));
    int4RowsKernel<<<blocks, Int4Tile::kThreads, 0, stream>>>(problem);
    return cudaGetLastError();
}

cudaError_t launchQuantize(const QuantizeProblem& problem, cudaStream_t stream) {
    quantizeKernel<<<static_cast<unsigned>(problem.rows), RowTile::kThreads, RowTile::kSharedBytes, stream>>>(
        problem);
    return cudaGetLastError();
}

cudaError_t launchDequantize(const DequantizeProblem& problem, cudaStream_t stream) {
    dequantizeKernel<<<static_cast<unsigned>(problem.rows), RowTile::kThreads, 0, stream>>>(problem);
    return cudaGetLastError();
}

}  // namespace quantscope::cuda
