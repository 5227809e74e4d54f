// SPDX-License-Identifier: Apache-2.0
#include "kernels/int4_unpacked.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

#include "base/parallel_for.h"
#include "kernels/packed_integer.h"

namespace quantscope {
namespace {

constexpr size_t kHalf = kPanelColumns / 2;

/// Scales and zero points of one group, a column each.
struct GroupTerms {
    std::array<float, kPanelColumns> scales;
    std::array<float, kPanelColumns> zeros;

    GroupTerms(const PackedInt4Weights& weights, int64_t panel, int64_t group) {
        const int64_t at = (panel * weights.groups() + group) * kPanelColumns;
        const PackedInt4Weights::Data& data = weights.data();
        std::copy_n(reinterpret_cast<const float*>(data.scales.get()) + at, kPanelColumns, scales.begin());
        if (!data.zeros) {
            zeros.fill(8);
            return;
        }
        const auto* codes = reinterpret_cast<const uint8_t*>(data.zeros.get()) + at;
        std::transform(codes, codes + kPanelColumns, zeros.begin(),
                       [](uint8_t zero) { return static_cast<float>(zero); });
    }
};

/// Four inputs of 32 columns: byte (c, t) to floats [t][c] and [t][c + 16].
void unpackFour(const uint8_t* bytes, const GroupTerms& terms, int64_t inputs, float* dst) {
    std::array<uint32_t, kHalf> words;
    std::memcpy(words.data(), bytes, sizeof(words));
    for (int64_t t = 0; t < inputs; ++t) {
        float* const low = dst + t * kPanelColumns;
        float* const high = low + kHalf;
        const auto shift = static_cast<unsigned>(8 * t);
        for (size_t c = 0; c < kHalf; ++c) {
            const auto code = static_cast<float>(static_cast<int32_t>(words[c] >> shift & 15U));
            low[c] = terms.scales[c] * (code - terms.zeros[c]);
        }
        for (size_t c = 0; c < kHalf; ++c) {
            const auto code = static_cast<float>(static_cast<int32_t>(words[c] >> (shift + 4) & 15U));
            high[c] = terms.scales[kHalf + c] * (code - terms.zeros[kHalf + c]);
        }
    }
}

/// A panel as in FloatPanelCall, 32 columns wide.
void unpackPanel(const PackedInt4Weights& weights, int64_t panel, float* dst) {
    const int64_t k = weights.inputs();
    const auto* bytes = reinterpret_cast<const uint8_t*>(weights.data().panels.get()) +
                        panel * (roundUp(k, 4) / 4) * 2 * kPanelColumns;
    for (int64_t group = 0; group < weights.groups(); ++group) {
        const GroupTerms terms(weights, panel, group);
        const int64_t last = std::min(k, (group + 1) * weights.groupSize());
        for (int64_t i = group * weights.groupSize(); i < last; i += 4)
            unpackFour(bytes + i / 4 * 2 * kPanelColumns, terms, std::min<int64_t>(4, last - i),
                       dst + i * kPanelColumns);
    }
}

}  // namespace

Status multiplyInt4Unpacked(const KernelTable& kernels, const MatrixView& x, const PackedInt4Weights& weights,
                            float* y, int64_t yStride, const float* bias) {
    constexpr int64_t kBlockFloats = 98304;  // rows that stay in the second-level cache
    constexpr int64_t kTileRows = 12;
    const int64_t k = weights.inputs();
    const int64_t rowsAtOnce = std::max(kTileRows, kBlockFloats / k / kTileRows * kTileRows);
    const int64_t panels = roundUp(weights.outputs(), kPanelColumns) / kPanelColumns;
    const auto multiplyPanel = [&](int64_t panel, float* unpacked) {
        const int64_t column = panel * kPanelColumns;
        unpackPanel(weights, panel, unpacked);
        FloatPanelCall call;
        call.xStride = x.stride;
        call.panel = unpacked;
        call.width = kPanelColumns;
        call.columns = std::min(kPanelColumns, weights.outputs() - column);
        call.depth = k;
        call.yStride = yStride;
        call.accumulate = bias != nullptr;
        for (int64_t row = 0; row < x.rows; row += rowsAtOnce) {
            call.x = x.row(row);
            call.rows = std::min(rowsAtOnce, x.rows - row);
            call.y = y + row * yStride + column;
            for (int64_t i = 0; bias != nullptr && i < call.rows; ++i)
                std::copy_n(bias + column, call.columns, call.y + i * yStride);
            kernels.forward.productPanel(call);
        }
    };
    std::atomic<bool> noMemory = false;
    const int64_t tasks = int64_t{4} * threadCount();
    parallelFor(panels, std::max<int64_t>(1, (panels + tasks - 1) / tasks), [&](int64_t begin, int64_t end) {
        const AlignedBytes memory = allocateAligned(kPanelColumns * k * static_cast<int64_t>(sizeof(float)));
        if (!memory) {
            noMemory = true;
            return;
        }
        for (int64_t panel = begin; panel < end; ++panel)
            multiplyPanel(panel, reinterpret_cast<float*>(memory.get()));
    });
    if (noMemory) return fail(ErrorKind::OutOfMemory, "no memory for an unpacked panel of the weight");
    return {};
}

}  // namespace quantscope
