// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/cuda/int8_output.h"
#include "kernels/cuda/tile_plan.h"

/// One block's tile of Y = X W^T on tensor cores.
///
/// A kernel's body is a template over a Machine, so that the same code runs on a GPU (device_machine.cuh: one
/// object a thread) and in the tests (one object a block, every thread in turn; barriers part the phases):
///   Registers<R>                    an R for each thread
///   eachThread(registers, f)        f(thread, its R); the order of threads must not matter
///   barrier()                       all of the block
///   copyAsync(thread, offset, p, n) cp.async: 16 bytes to shared memory, the first n from p, then zeros
///   commitCopies()                  ends a group of copies, waitForCopies<N>() waits for all but the last N
///   loadMatrices(registers, a, r)   ldmatrix.x4 of each warp: a(thread, R) is the row's offset, r(R)
///   receives multiply<signed>(registers, f)  mma.sync.m16n8k32 of each warp: f(R) = {sums, A, B}
namespace quantscope::cuda {

/// What mma.sync reads and adds to.
struct MmaOperands {
    int32_t* sums;
    const uint32_t* a;
    const uint32_t* b;
};

template <class Plan>
struct TileRegisters {
    int32_t sums[Plan::kMmaDown][Plan::kMmaAcross][4];
    uint32_t a[Plan::kMmaDown][4];
    uint32_t b[Plan::kMmaAcross / 2][4];
    const uint8_t* source[Plan::kChunksOfThread];  ///< of its chunks, at the first stage
    uint32_t exists;                               ///< bit i: its i-th chunk lies inside its matrix
};

/// Clears the sums and finds where the thread's chunks come from.
template <class Plan>
QUANTSCOPE_KERNEL_BODY void beginTile(const Int8Problem& p, int row, int column, int thread,
                                      TileRegisters<Plan>& r) {
    QUANTSCOPE_UNROLL
    for (int i = 0; i < Plan::kMmaDown; ++i) {
        QUANTSCOPE_UNROLL
        for (int j = 0; j < Plan::kMmaAcross; ++j) {
            QUANTSCOPE_UNROLL
            for (int s = 0; s < 4; ++s) r.sums[i][j][s] = 0;
        }
    }
    r.exists = 0;
    QUANTSCOPE_UNROLL
    for (int i = 0; i < Plan::kChunksOfThread; ++i) {
        const Place chunk = Plan::chunkOfThread(thread, i);
        const bool ofX = chunk.row < Plan::kRows;
        const int at = ofX ? row + chunk.row : column + (chunk.row - Plan::kRows);
        const bool exists = at < (ofX ? p.rows : p.columns);
        const uint8_t* start = ofX ? p.x : reinterpret_cast<const uint8_t*>(p.w);
        const int skipped = chunk.column * kChunkBytes;
        r.source[i] = start + (exists ? int64_t{at} * (ofX ? p.xPitch : p.wPitch) + skipped : 0);
        r.exists |= (exists ? 1U : 0U) << i;
    }
}

/// Sends for a stage: the tile's rows of X and W, k from step * kDepth on. Steps beyond the last copy
/// nothing, but end a group like the others, so that waitForCopies counts alike.
template <class Plan, class Machine, class Registers>
QUANTSCOPE_KERNEL_BODY void sendForStage(Machine& machine, Registers& registers, int depth, int step,
                                         int steps) {
    if (step < steps) {
        const int stage = step % Plan::kStages;
        machine.eachThread(registers, [&](int thread, TileRegisters<Plan>& r) {
            // All chunks of a thread have the same place in their rows.
            const int k = step * Plan::kDepth + Plan::chunkOfThread(thread, 0).column * kChunkBytes;
            const int bytes = existing(depth - k, kChunkBytes);
            QUANTSCOPE_UNROLL
            for (int i = 0; i < Plan::kChunksOfThread; ++i) {
                const Place chunk = Plan::chunkOfThread(thread, i);
                if (chunk.row >= Plan::kRows + Plan::kColumns) continue;
                machine.copyAsync(thread, Plan::sharedOffset(stage, chunk.row, chunk.column),
                                  r.source[i] + int64_t{step} * Plan::kDepth,
                                  (r.exists >> i & 1U) != 0 ? bytes : 0);
            }
        });
    }
    machine.commitCopies();
}

/// Multiplies a stage that has arrived.
template <class Plan, bool kSignedX, class Machine, class Registers>
QUANTSCOPE_KERNEL_BODY void multiplyStage(Machine& machine, Registers& registers, int stage) {
    QUANTSCOPE_UNROLL
    for (int k = 0; k < Plan::kDepth / kMmaDepth; ++k) {
        constexpr int kChunksOfMma = kMmaDepth / kChunkBytes;
        QUANTSCOPE_UNROLL
        for (int j = 0; j < Plan::kMmaAcross / 2; ++j) {
            machine.loadMatrices(
                registers,
                [&](int thread, const TileRegisters<Plan>&) {
                    const Place at = rowOfLaneB(thread % kWarpThreads);
                    const int column = Plan::warpCorner(thread).column + 2 * kMmaColumns * j + at.row;
                    return Plan::sharedOffset(stage, Plan::kRows + column, kChunksOfMma * k + at.column);
                },
                [&](TileRegisters<Plan>& r) { return r.b[j]; });
        }
        QUANTSCOPE_UNROLL
        for (int i = 0; i < Plan::kMmaDown; ++i) {
            machine.loadMatrices(
                registers,
                [&](int thread, const TileRegisters<Plan>&) {
                    const Place at = rowOfLaneA(thread % kWarpThreads);
                    return Plan::sharedOffset(stage, Plan::warpCorner(thread).row + kMmaRows * i + at.row,
                                              kChunksOfMma * k + at.column);
                },
                [&](TileRegisters<Plan>& r) { return r.a[i]; });
            QUANTSCOPE_UNROLL
            for (int j = 0; j < Plan::kMmaAcross; ++j) {
                machine.template multiply<kSignedX>(registers, [&](TileRegisters<Plan>& r) {
                    return MmaOperands{r.sums[i][j], r.a[i], r.b[j / 2] + 2 * (j % 2)};
                });
            }
        }
    }
}

template <class Plan>
QUANTSCOPE_KERNEL_BODY void writeTile(const Int8Problem& p, int row, int column, int thread,
                                      const TileRegisters<Plan>& r) {
    const Place warp = Plan::warpCorner(thread);
    QUANTSCOPE_UNROLL
    for (int i = 0; i < Plan::kMmaDown; ++i) {
        QUANTSCOPE_UNROLL
        for (int j = 0; j < Plan::kMmaAcross; ++j) {
            QUANTSCOPE_UNROLL
            for (int s = 0; s < 4; s += 2) {
                const Place at = sumOfLane(thread % kWarpThreads, s);
                writePair(p, row + warp.row + kMmaRows * i + at.row,
                          column + warp.column + kMmaColumns * j + at.column, r.sums[i][j][s],
                          r.sums[i][j][s + 1]);
            }
        }
    }
}

/// The block's tile, from its first copy to its last sum.
template <class Plan, bool kSignedX, class Machine>
QUANTSCOPE_KERNEL_BODY void int8Tile(Machine& machine, const Int8Problem& p) {
    const int row = machine.blockX() * Plan::kRows;
    const int column = machine.blockY() * Plan::kColumns;
    typename Machine::template Registers<TileRegisters<Plan>> registers(machine);
    machine.eachThread(
        registers, [&](int thread, TileRegisters<Plan>& r) { beginTile<Plan>(p, row, column, thread, r); });
    const int steps = ceilDivide(p.depth, Plan::kDepth);
    for (int step = 0; step < Plan::kStages - 1; ++step)
        sendForStage<Plan>(machine, registers, p.depth, step, steps);
    for (int step = 0; step < steps; ++step) {
        // After the barrier this step's stage is there for all, and nobody reads the one before it any more.
        machine.template waitForCopies<Plan::kStages - 2>();
        machine.barrier();
        sendForStage<Plan>(machine, registers, p.depth, step + Plan::kStages - 1, steps);
        multiplyStage<Plan, kSignedX>(machine, registers, step % Plan::kStages);
    }
    machine.eachThread(
        registers, [&](int thread, TileRegisters<Plan>& r) { writeTile<Plan>(p, row, column, thread, r); });
}

}  // namespace quantscope::cuda
