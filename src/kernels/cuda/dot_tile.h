// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>

#include "kernels/cuda/int8_output.h"
#include "kernels/cuda/tile_plan.h"

/// One block's tile of Y = X W^T with dp4a (four products added to an int32), for devices without the tensor
/// instruction of int8_tile.h. Machine: as there, and
///   storeShared(thread, offset, word), loadShared(thread, offset)   32 bits
///   Machine::dot<signed>(x, w, sum)                                 dp4a, u8 or s8 times s8
namespace quantscope::cuda {

struct DotRegisters {
    int32_t sums[DotTile::kSums][DotTile::kSums];
    uint32_t waiting[DotTile::kWordsOfThread];  ///< of the next stage, read while this one is multiplied
};

/// Four codes of a row of X or W, zeros where there are none.
QUANTSCOPE_KERNEL_BODY uint32_t readWord(const Int8Problem& p, int row, int column, Place word, int k) {
    const bool ofX = word.row < DotTile::kRows;
    const int at = ofX ? row + word.row : column + (word.row - DotTile::kRows);
    const int count = existing(p.depth - k, 4);
    if (count == 0 || at >= (ofX ? p.rows : p.columns)) return 0;
    const uint8_t* start = ofX ? p.x : reinterpret_cast<const uint8_t*>(p.w);
    const uint8_t* source = start + int64_t{at} * (ofX ? p.xPitch : p.wPitch) + k;
    uint32_t four = 0;
    memcpy(&four, __builtin_assume_aligned(source, 4), sizeof four);
    return firstCodes(four, count);
}

QUANTSCOPE_KERNEL_BODY void readStage(const Int8Problem& p, int row, int column, int step, int thread,
                                      DotRegisters& r) {
    QUANTSCOPE_UNROLL
    for (int i = 0; i < DotTile::kWordsOfThread; ++i) {
        const Place word = DotTile::wordOfThread(thread, i);
        r.waiting[i] = readWord(p, row, column, word, 4 * (step * DotTile::kWords + word.column));
    }
}

template <bool kSignedX, class Machine>
QUANTSCOPE_KERNEL_BODY void dotStage(Machine& machine, int thread, DotRegisters& r) {
    for (int word = 0; word < DotTile::kWords; ++word) {
        uint32_t x[DotTile::kSums];
        uint32_t w[DotTile::kSums];
        QUANTSCOPE_UNROLL
        for (int i = 0; i < DotTile::kSums; ++i) {
            const Place at = DotTile::sumOfThread(thread, i, i);
            x[i] = machine.loadShared(thread, DotTile::sharedOffset(at.row, word));
            w[i] = machine.loadShared(thread, DotTile::sharedOffset(DotTile::kRows + at.column, word));
        }
        QUANTSCOPE_UNROLL
        for (int i = 0; i < DotTile::kSums; ++i) {
            QUANTSCOPE_UNROLL
            for (int j = 0; j < DotTile::kSums; ++j) {
                r.sums[i][j] = Machine::template dot<kSignedX>(x[i], w[j], r.sums[i][j]);
            }
        }
    }
}

template <bool kSignedX, class Machine>
QUANTSCOPE_KERNEL_BODY void dotTile(Machine& machine, const Int8Problem& p) {
    const int row = machine.blockX() * DotTile::kRows;
    const int column = machine.blockY() * DotTile::kColumns;
    typename Machine::template Registers<DotRegisters> registers(machine);
    machine.eachThread(registers, [&](int thread, DotRegisters& r) {
        QUANTSCOPE_UNROLL
        for (int i = 0; i < DotTile::kSums; ++i) {
            QUANTSCOPE_UNROLL
            for (int j = 0; j < DotTile::kSums; ++j) r.sums[i][j] = 0;
        }
        readStage(p, row, column, 0, thread, r);
    });
    const int steps = ceilDivide(p.depth, 4 * DotTile::kWords);
    for (int step = 0; step < steps; ++step) {
        machine.eachThread(registers, [&](int thread, DotRegisters& r) {
            QUANTSCOPE_UNROLL
            for (int i = 0; i < DotTile::kWordsOfThread; ++i) {
                const Place word = DotTile::wordOfThread(thread, i);
                machine.storeShared(thread, DotTile::sharedOffset(word.row, word.column), r.waiting[i]);
            }
        });
        machine.barrier();
        machine.eachThread(registers, [&](int thread, DotRegisters& r) {
            if (step + 1 < steps) readStage(p, row, column, step + 1, thread, r);
            dotStage<kSignedX>(machine, thread, r);
        });
        machine.barrier();
    }
    machine.eachThread(registers, [&](int thread, DotRegisters& r) {
        QUANTSCOPE_UNROLL
        for (int i = 0; i < DotTile::kSums; ++i) {
            QUANTSCOPE_UNROLL
            for (int j = 0; j < DotTile::kSums; ++j) {
                const Place at = DotTile::sumOfThread(thread, i, j);
                writeSum(p, row + at.row, column + at.column, r.sums[i][j]);
            }
        }
    });
}

}  // namespace quantscope::cuda
