// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/cuda/tile_plan.h"
#include "kernels/row_codes.h"

/// Activations to codes and back on a GPU; a block a row. Machine: as in int4_rows.h and dot_tile.h, and
///   Machine::lowerTo(int64_t* p, value)   atomic minimum
namespace quantscope::cuda {

struct QuantizeProblem {
    const float* x = nullptr;  ///< [rows x cols]
    int64_t xPitch = 0;        ///< floats from row to row
    int64_t rows = 0;
    int64_t cols = 0;
    bool isSigned = true;  ///< symmetric s8, else affine u8
    bool isFixed = false;  ///< every row takes `fixed`
    RowCode fixed;
    uint8_t* codes = nullptr;  ///< [rows x codePitch]
    int64_t codePitch = 0;
    float* scales = nullptr;      ///< [rows]
    int32_t* zeros = nullptr;     ///< [rows]
    int64_t* firstBad = nullptr;  ///< the first row with NaN or infinity, if it is below what it was
};

struct DequantizeProblem {
    const uint8_t* codes = nullptr;
    int64_t codePitch = 0;
    int64_t rows = 0;
    int64_t cols = 0;
    bool isSigned = true;
    const float* scales = nullptr;
    const int32_t* zeros = nullptr;  ///< null: 0
    float* y = nullptr;
    int64_t yPitch = 0;
};

struct RowTile {
    static constexpr int kThreads = 256;
    static constexpr int kWarps = kThreads / kWarpThreads;
    static constexpr int kSharedBytes = kWarps * 12;  ///< a minimum, a maximum and a flag of each warp
};

struct RangeRegisters {
    float minimum;
    float maximum;
    uint32_t bad;  ///< 1: saw NaN or infinity
};

QUANTSCOPE_HOST_DEVICE inline uint32_t bitsOf(float value) {
    uint32_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}
QUANTSCOPE_HOST_DEVICE inline float floatOf(uint32_t bits) {
    float value = 0;
    memcpy(&value, &bits, sizeof value);
    return value;
}

QUANTSCOPE_HOST_DEVICE inline void addToRange(RangeRegisters& range, float minimum, float maximum,
                                              uint32_t bad) {
    range.minimum = minimum < range.minimum ? minimum : range.minimum;
    range.maximum = maximum > range.maximum ? maximum : range.maximum;
    range.bad |= bad;
}

/// Every thread's range becomes that of the row.
template <class Machine, class Registers>
QUANTSCOPE_KERNEL_BODY void reduceRange(Machine& machine, Registers& registers) {
    machine.reduce(
        registers, [](RangeRegisters& r) -> float& { return r.minimum; },
        [](float a, float b) { return b < a ? b : a; });
    machine.reduce(
        registers, [](RangeRegisters& r) -> float& { return r.maximum; },
        [](float a, float b) { return b > a ? b : a; });
    machine.reduce(
        registers, [](RangeRegisters& r) -> uint32_t& { return r.bad; },
        [](uint32_t a, uint32_t b) { return a | b; });
    machine.eachThread(registers, [&](int thread, RangeRegisters& r) {
        if (thread % kWarpThreads != 0) return;
        const int offset = 12 * (thread / kWarpThreads);
        machine.storeShared(thread, offset, bitsOf(r.minimum));
        machine.storeShared(thread, offset + 4, bitsOf(r.maximum));
        machine.storeShared(thread, offset + 8, r.bad);
    });
    machine.barrier();
    machine.eachThread(registers, [&](int thread, RangeRegisters& r) {
        for (int warp = 0; warp < RowTile::kWarps; ++warp) {
            addToRange(r, floatOf(machine.loadShared(thread, 12 * warp)),
                       floatOf(machine.loadShared(thread, 12 * warp + 4)),
                       machine.loadShared(thread, 12 * warp + 8));
        }
    });
}

/// The codes of a row whose range every thread knows.
template <class Machine>
QUANTSCOPE_KERNEL_BODY void encodeRow(const QuantizeProblem& p, int64_t row, int thread,
                                      const RangeRegisters& range) {
    if (range.bad != 0) {
        if (thread == 0) Machine::lowerTo(p.firstBad, row);
        return;
    }
    RowCode code = p.isSigned ? symmetricRowCode(range.minimum, range.maximum)
                              : affineRowCode(range.minimum, range.maximum);
    if (p.isFixed) code = p.fixed;
    const int32_t low = p.isSigned ? (p.isFixed ? -128 : -127) : 0;
    const int32_t high = p.isSigned ? 127 : 255;
    for (int64_t k = thread; k < p.cols; k += RowTile::kThreads) {
        p.codes[row * p.codePitch + k] =
            rowElementCode(p.x[row * p.xPitch + k], code.inverse, code.zero, low, high);
    }
    if (thread == 0) {
        p.scales[row] = code.scale;
        p.zeros[row] = code.zero;
    }
}

template <class Machine>
QUANTSCOPE_KERNEL_BODY void quantizeRow(Machine& machine, const QuantizeProblem& p) {
    const int64_t row = machine.blockX();
    typename Machine::template Registers<RangeRegisters> registers(machine);
    machine.eachThread(registers, [&](int thread, RangeRegisters& r) {
        r = {0, 0, 0};
        for (int64_t k = thread; k < p.cols; k += RowTile::kThreads) {
            const float x = p.x[row * p.xPitch + k];
            const bool isFinite = (bitsOf(x) & 0x7F800000U) != 0x7F800000U;
            addToRange(r, x, x, isFinite ? 0 : 1);
        }
    });
    reduceRange(machine, registers);
    machine.eachThread(registers,
                       [&](int thread, RangeRegisters& r) { encodeRow<Machine>(p, row, thread, r); });
}

template <class Machine>
QUANTSCOPE_KERNEL_BODY void dequantizeRow(Machine& machine, const DequantizeProblem& p) {
    struct None {};
    typename Machine::template Registers<None> registers(machine);
    const int64_t row = machine.blockX();
    machine.eachThread(registers, [&](int thread, None&) {
        const float scale = p.scales[row];
        const int32_t zero = p.zeros != nullptr ? p.zeros[row] : 0;
        for (int64_t k = thread; k < p.cols; k += RowTile::kThreads) {
            const uint8_t code = p.codes[row * p.codePitch + k];
            const int32_t value = p.isSigned ? static_cast<int8_t>(code) : code;
            p.y[row * p.yPitch + k] = rowElementValue(value, zero, scale);
        }
    });
}

}  // namespace quantscope::cuda
