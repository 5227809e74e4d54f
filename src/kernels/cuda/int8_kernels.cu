// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/device_machine.cuh"
#include "kernels/cuda/dot_tile.h"
#include "kernels/cuda/int8_tile.h"
#include "kernels/cuda/launches.h"

/// What ptxas 13.0 reports (-Xptxas -v; the same for s8 and u8, nothing spilled; a spill is a warning of the
/// build), shared memory from the plan, and the blocks a multiprocessor of 65536 registers then holds:
///
///   kernel              threads  registers 7.5 / 8.0 / 9.0  shared bytes  blocks (bound by)
///   tile 128 x 128 x 64   256           - / 128 / 128           49152      2 (registers)
///   tile  64 x  64 x 64   128           - /  98 /  98           24576      4 (registers)
///   tile  16 x  64 x 64   128           - /  52 /  53           15360      9 (registers)
///   dp4a  64 x  64 x 64   256          80 /  80 /  79            8704      3 (registers)
///
/// 96 KiB for two large blocks and 2 KiB of the system's fit into the 100 KiB of 8.6 and 8.9, the smallest
/// among those with these tensor cores: that is why there are three stages and not four. Times on a device:
/// none yet.
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
