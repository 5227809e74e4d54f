// SPDX-License-Identifier: Apache-2.0
#include "kernels/x86/integer_amx.h"

#include "kernels/x86/integer_lanes_avx512.h"
#include "kernels/x86/integer_output.h"
#include "kernels/x86/tables.h"

namespace quantscope {
namespace {

/// The tile registers of this core. They keep their configuration until the object dies.
class HardwareTiles {
 public:
    HardwareTiles() = default;
    ~HardwareTiles() { _tile_release(); }
    HardwareTiles(const HardwareTiles&) = delete;
    HardwareTiles& operator=(const HardwareTiles&) = delete;

    /// Registers 0, 1, 4 get `upper` rows, 2, 3, 5 `lower`, 6 and 7 sixteen; all of 64 bytes.
    void configure(int64_t upper, int64_t lower) {
        if (upper == m_upper && lower == m_lower) return;
        m_upper = upper;
        m_lower = lower;
        Configuration configuration;
        const int64_t rows[8] = {upper, upper, lower, lower, upper, lower, 16, 16};
        for (int i = 0; i < 8; ++i) {
            configuration.bytes[i] = 64;
            configuration.rows[i] = static_cast<uint8_t>(rows[i]);
        }
        _tile_loadconfig(&configuration);
    }

    template <int kTile>
    void zero() {
        __asm__ volatile("tilezero %%tmm%c0" : : "i"(kTile));
    }
    template <int kTile>
    void load(const void* p, int64_t stride) {
        __asm__ volatile("tileloadd (%1,%2,1), %%tmm%c0" : : "i"(kTile), "r"(p), "r"(stride) : "memory");
    }
    template <int kTile>
    void store(void* p, int64_t stride) {
        __asm__ volatile("tilestored %%tmm%c0, (%1,%2,1)" : : "i"(kTile), "r"(p), "r"(stride) : "memory");
    }
    /// sums += u8 rows * s8 columns.
    template <int kSums, int kCodes, int kWeights>
    void dot() {
        __asm__ volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSums), "i"(kCodes), "i"(kWeights));
    }

    template <int kVectors>
    void write(const Int8PanelCall& call, int64_t row, int64_t rows, const int32_t* sums) {
        using V = integer::Lanes512;
        const integer::ColumnTerms<V, kVectors> terms(call.output, 0, call.columns);
        for (int64_t r = 0; r < rows; ++r) {
            V::I line[kVectors];
            for (int v = 0; v < kVectors; ++v) line[v] = V::loadCodes(sums + (r * kVectors + v) * V::kLanes);
            integer::writeRow<V, kVectors>(call.output, terms, row + r, 0, line);
        }
    }

 private:
    /// As LDTILECFG reads it: palette 1 is the one that exists.
    struct alignas(64) Configuration {
        uint8_t palette = 1;
        uint8_t startRow = 0;
        uint8_t reserved[14] = {};
        uint16_t bytes[16] = {};
        uint8_t rows[16] = {};
    };
    static_assert(sizeof(Configuration) == 64);

    int64_t m_upper = 0;
    int64_t m_lower = 0;
};

}  // namespace

void int8PanelAmx(const Int8PanelCall& call) {
    // A tile instruction takes as long for one row as for sixteen of them.
    constexpr int64_t kFewRows = 3;
    if (call.rows <= kFewRows) return kAvx512VnniInteger.int8Panel(call);
    HardwareTiles tiles;
    integer::Amx<HardwareTiles>::panel(tiles, call);
}

int64_t peakLoopAmx(int64_t steps) {
    HardwareTiles tiles;
    tiles.configure(16, 16);
    for (int64_t step = 0; step < steps; ++step) {
        tiles.dot<0, 4, 6>();
        tiles.dot<1, 4, 7>();
        tiles.dot<2, 5, 6>();
        tiles.dot<3, 5, 7>();
    }
    return steps * 4 * 16 * 16 * 64 * 2;
}

}  // namespace quantscope
