// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/device_machine.cuh"
#include "kernels/cuda/dot_tile.h"
#include "kernels/cuda/int8_tile.h"
#include "kernels/cuda/launches.h"

namespace quantscope::cuda {
namespace {

/// Compiled for every architecture, runs on 8.0 and later: cp.async and m16n8k32 began there.
template <class Plan, bool kSignedX>
__global__ __launch_bounds__(Plan::kThreads, Plan::kBlocksWanted) void int8TileKernel(Int8Problem problem) {
#if __CUDA_ARCH__ >= 800
    DeviceMachine machine(sharedMemory());
    int8Tile<Plan, kSignedX>(machine, problem);
#else
    (void)problem;
#endif
}

template <bool kSignedX>
__global__ __launch_bounds__(DotTile::kThreads, 2) void int8DotKernel(Int8Problem problem) {
    DeviceMachine machine(sharedMemory());
    dotTile<kSignedX>(machine, problem);
}

template <class Tile>
cudaError_t launch(void (*kernel)(Int8Problem), const Int8Problem& problem, cudaStream_t stream) {
    const Grid grid = gridOf<Tile>(problem.rows, problem.columns);
    const dim3 blocks(static_cast<unsigned>(grid.x), static_cast<unsigned>(grid.y));
    kernel<<<blocks, Tile::kThreads, Tile::kSharedBytes, stream>>>(problem);
    return cudaGetLastError();
}

template <bool kSignedX>
cudaError_t launchTile(const Int8Problem& problem, TileKind tile, cudaStream_t stream) {
    switch (tile) {
        case TileKind::Large:
            return launch<LargeTile>(int8TileKernel<LargeTile, kSignedX>, problem, stream);
        case TileKind::Medium:
            return launch<MediumTile>(int8TileKernel<MediumTile, kSignedX>, problem, stream);
        case TileKind::Narrow:
            return launch<NarrowTile>(int8TileKernel<NarrowTile, kSignedX>, problem, stream);
        case TileKind::Dot:
            break;
    }
    return launch<DotTile>(int8DotKernel<kSignedX>, problem, stream);
}

}  // namespace

cudaError_t launchInt8(const Int8Problem& problem, bool isSigned, TileKind tile, cudaStream_t stream) {
    return isSigned ? launchTile<true>(problem, tile, stream) : launchTile<false>(problem, tile, stream);
}

}  // namespace quantscope::cuda
