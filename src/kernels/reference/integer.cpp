// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/reference/tables.h"
#include "kernels/row_codes.h"

namespace quantscope {
namespace {

/// Sums wrap modulo 2^32 where the offset of 128 carries them beyond int32; the correction brings them back.
int32_t wrapped(uint32_t sum) {
    return static_cast<int32_t>(sum);
}

uint32_t product(int32_t a, int32_t b) {
    return static_cast<uint32_t>(a) * static_cast<uint32_t>(b);
}

void writeOutput(const Int8Output& out, int64_t i, int64_t j, uint32_t sum) {
    const int32_t rowZero = out.rowZeros != nullptr ? out.rowZeros[i] : out.rowZero;
    sum -= product(rowZero, out.columnSums[j]);
    if (out.columnZeros != nullptr) sum -= product(out.columnZeros[j], out.rowTerms[i]);
    if (out.floats == nullptr) {
        out.sums[i * out.stride + j] = wrapped(sum);
        return;
    }
    const float bias = out.bias != nullptr ? out.bias[j] : 0.0F;
    float& y = out.floats[i * out.stride + j];
    const float value =
        std::fma(static_cast<float>(wrapped(sum)) * out.columnScales[j], out.rowScales[i], bias);
    y = out.accumulate ? y + value : value;
}

void int8Panel(const Int8PanelCall& call) {
    for (int64_t i = 0; i < call.rows; ++i) {
        for (int64_t j = 0; j < call.columns; ++j) {
            uint32_t sum = 0;
            for (int64_t k = 0; k < 4 * call.kGroups; ++k) {
                const int8_t w = call.panel[(k / 4 * call.width + j) * 4 + k % 4];
                sum += product(call.x[i * call.xStride + k], w);
            }
            writeOutput(call.output, i, j, sum);
        }
    }
}

int32_t int4Code(const Int4PanelCall& call, int64_t j, int64_t k) {
    const uint8_t both = call.panel[(k / 4 * 16 + j % 16) * 4 + k % 4];
    return j < 16 ? both & 15 : both >> 4;
}

/// The scale groups of a panel: body(group, first k, last k).
template <class Body>
void forEachGroup(const Int4PanelCall& call, const Body& body) {
    const int64_t size = 4 * call.kGroupsPerScale;
    for (int64_t k = 0, group = 0; k < 4 * call.kGroups; k += size, ++group) {
        body(group, k, std::min(k + size, 4 * call.kGroups));
    }
}

void writeFloat(const Int4PanelCall& call, int64_t i, int64_t j, float value) {
    float& y = call.y[i * call.stride + j];
    y = call.accumulate ? y + value : value;
}

void w4a8Panel(const Int4PanelCall& call) {
    for (int64_t i = 0; i < call.rows; ++i) {
        for (int64_t j = 0; j < call.columns; ++j) {
            float y = 0;
            forEachGroup(call, [&](int64_t group, int64_t begin, int64_t end) {
                const int32_t zero = call.zeros != nullptr ? call.zeros[group * 32 + j] : 8;
                int32_t sum = 0;
                for (int64_t k = begin; k < end; ++k) {
                    sum += (int4Code(call, j, k) - zero) * call.codes[i * call.xStride + k];
                }
                y = std::fma(call.scales[group * 32 + j], static_cast<float>(sum), y);
            });
            writeFloat(call, i, j,
                       std::fma(y, call.rowScales[i], call.bias != nullptr ? call.bias[j] : 0.0F));
        }
    }
}

void w4a16Panel(const Int4PanelCall& call) {
    for (int64_t i = 0; i < call.rows; ++i) {
        for (int64_t j = 0; j < call.columns; ++j) {
            double y = call.bias != nullptr ? static_cast<double>(call.bias[j]) : 0.0;
            forEachGroup(call, [&](int64_t group, int64_t begin, int64_t end) {
                const int32_t zero = call.zeros != nullptr ? call.zeros[group * 32 + j] : 8;
                double sum = 0;
                for (int64_t k = begin; k < end; ++k) {
                    sum += static_cast<double>(call.x[i * call.xStride + k]) * (int4Code(call, j, k) - zero);
                }
                y += static_cast<double>(call.scales[group * 32 + j]) * sum;
            });
            writeFloat(call, i, j, static_cast<float>(y));
        }
    }
}

/// A sum kept in 16 bits, as PMADDUBSW and PADDSW keep it.
int32_t saturated(int32_t value, int64_t& saturations) {
    const int32_t kept = std::clamp(value, -32768, 32767);
    saturations += kept != value ? 1 : 0;
    return kept;
}

/// One column of one row; see multiplySaturating16.
int32_t saturatingSum(const Int8PanelCall& call, int64_t i, int64_t j, int64_t depth,
                      SaturationCounts& counts) {
    int32_t sum = 0;
    for (int64_t lane = 0; lane < 2; ++lane) {
        int32_t narrow = 0;
        for (int64_t g = 0; g < call.kGroups; ++g) {
            const int8_t* w = call.panel + (g * call.width + j) * 4 + 2 * lane;
            const uint8_t* x = call.x + i * call.xStride + 4 * g + 2 * lane;
            const int32_t pair = saturated(x[0] * w[0] + x[1] * w[1], counts.saturatedPairs);
            narrow = saturated(narrow + pair, counts.saturatedAdditions);
            if (depth != 0 && (g + 1) % depth == 0) {
                sum += narrow;
                narrow = 0;
            }
        }
        sum += narrow;
    }
    counts.pairSums += 2 * call.kGroups;
    counts.additions += 2 * call.kGroups;
    return sum;
}

void saturatingPanel(const Int8PanelCall& call, int64_t depth, SaturationCounts& counts) {
    for (int64_t i = 0; i < call.rows; ++i) {
        for (int64_t j = 0; j < call.columns; ++j) {
            call.output.sums[i * call.output.stride + j] = saturatingSum(call, i, j, depth, counts);
        }
    }
}

int32_t shiftCodes(const uint8_t* src, uint8_t* dst, int64_t count) {
    int32_t sum = 0;
    for (int64_t i = 0; i < count; ++i) {
        dst[i] = src[i] ^ 0x80U;
        sum += dst[i];
    }
    return sum;
}

int32_t sumCodes(const uint8_t* src, int64_t count) {
    int32_t sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += src[i];
    return sum;
}

RowRange rowRange(const float* src, int64_t count) {
    RowRange range;
    for (int64_t i = 0; i < count; ++i) {
        range.finite = range.finite && std::isfinite(src[i]);
        range.minimum = std::min(range.minimum, src[i]);
        range.maximum = std::max(range.maximum, src[i]);
    }
    return range;
}

void encodeRow(const float* src, uint8_t* dst, int64_t count, float inverseScale, int32_t zero, int32_t low,
               int32_t high) {
    for (int64_t i = 0; i < count; ++i) {
        dst[i] = rowElementCode(src[i], inverseScale, zero, low, high);
    }
}

int64_t peakLoop(int64_t steps) {
    constexpr int64_t kSums = 8;
    volatile int32_t factor = 3;
    int32_t sums[kSums] = {};
    for (int64_t step = 0; step < steps; ++step) {
        const int32_t a = factor;
        for (int64_t i = 0; i < kSums; ++i) sums[i] = static_cast<int32_t>((sums[i] + a * 5) & 0xFFFF);
    }
    for (const int32_t sum : sums) factor = sum;
    return steps * kSums * 2;
}

}  // namespace

const IntegerKernels kReferenceInteger{int8Panel, w4a8Panel, w4a16Panel, saturatingPanel, shiftCodes,
                                       sumCodes,  rowRange,  encodeRow,  peakLoop};

}  // namespace quantscope
