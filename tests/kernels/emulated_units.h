// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/integer_kernels.h"

namespace quantscope::test {

/// Eight lanes in plain C++ with the tile of AVX-VNNI: its index logic runs on machines that lack it.
struct EmulatedLanes {
    static constexpr int kLanes = 8;
    static constexpr int kTileRows = 6;
    static constexpr int kTileVectors = 2;
    struct I {
        std::array<int32_t, kLanes> v;
    };
    struct F {
        std::array<float, kLanes> v;
    };
    using M = int;  ///< lanes that count

    template <class Body>
    static I each(const Body& body) {
        I result{};
        for (size_t i = 0; i < kLanes; ++i) result.v[i] = static_cast<int32_t>(body(i));
        return result;
    }
    template <class Body>
    static F eachFloat(const Body& body) {
        F result{};
        for (size_t i = 0; i < kLanes; ++i) result.v[i] = body(i);
        return result;
    }
    static uint32_t bits(int32_t x) { return static_cast<uint32_t>(x); }
    static bool counts(M m, size_t lane) { return lane < static_cast<size_t>(m); }

    static M lanesMask(int lanes) { return lanes; }
    static I zero() { return {}; }
    static I set(int32_t x) {
        return each([&](size_t) { return x; });
    }
    static I load(const int32_t* p, M m) {
        return each([&](size_t i) { return counts(m, i) ? p[i] : 0; });
    }
    static void store(int32_t* p, M m, const I& x) { std::memcpy(p, x.v.data(), 4 * static_cast<size_t>(m)); }
    static I add(const I& a, const I& b) {
        return each([&](size_t i) { return bits(a.v[i]) + bits(b.v[i]); });
    }
    static I sub(const I& a, const I& b) {
        return each([&](size_t i) { return bits(a.v[i]) - bits(b.v[i]); });
    }
    static I mul(const I& a, const I& b) {
        return each([&](size_t i) { return bits(a.v[i]) * bits(b.v[i]); });
    }
    static F zeroFloats() { return {}; }
    static F setFloats(float x) {
        return eachFloat([&](size_t) { return x; });
    }
    static F loadFloats(const float* p, M m) {
        return eachFloat([&](size_t i) { return counts(m, i) ? p[i] : 0.0F; });
    }
    static void storeFloats(float* p, M m, const F& x) {
        std::memcpy(p, x.v.data(), 4 * static_cast<size_t>(m));
    }
    static F addFloats(const F& a, const F& b) {
        return eachFloat([&](size_t i) { return a.v[i] + b.v[i]; });
    }
    static F mulFloats(const F& a, const F& b) {
        return eachFloat([&](size_t i) { return a.v[i] * b.v[i]; });
    }
    static F fma(const F& a, const F& b, const F& c) {
        return eachFloat([&](size_t i) { return std::fma(a.v[i], b.v[i], c.v[i]); });
    }
    static F toFloats(const I& a) {
        return eachFloat([&](size_t i) { return static_cast<float>(a.v[i]); });
    }
    static I loadCodes(const void* p) {
        I result;
        std::memcpy(&result, p, sizeof result);
        return result;
    }
    static I broadcastFour(const void* p) {
        int32_t four = 0;
        std::memcpy(&four, p, sizeof four);
        return set(four);
    }
    /// VPDPBUSD.
    static I dot(const I& sums, const I& codes, const I& weights) {
        return each([&](size_t i) {
            uint32_t sum = bits(sums.v[i]);
            for (int byte = 0; byte < 4; ++byte) {
                const auto code = static_cast<uint8_t>(bits(codes.v[i]) >> (8 * byte));
                const auto weight = static_cast<int8_t>(bits(weights.v[i]) >> (8 * byte));
                sum += bits(code * weight);
            }
            return sum;
        });
    }
};

/// The tile registers of AMX in plain C++; see Amx in kernels/x86/integer_amx.h.
struct EmulatedTiles {
    std::array<std::array<std::array<uint8_t, 64>, 16>, 8> tiles{};
    std::array<size_t, 8> rowsOf{};

    void configure(int64_t upper, int64_t lower) {
        const auto u = static_cast<size_t>(upper);
        const auto l = static_cast<size_t>(lower);
        rowsOf = {u, u, l, l, u, l, 16, 16};
        tiles = {};
    }
    template <int kTile>
    void zero() {
        tiles[kTile] = {};
    }
    template <int kTile>
    void load(const void* p, int64_t stride) {
        for (size_t r = 0; r < rowsOf[kTile]; ++r) {
            const auto* row = static_cast<const uint8_t*>(p) + static_cast<int64_t>(r) * stride;
            std::memcpy(tiles[kTile][r].data(), row, 64);
        }
    }
    template <int kTile>
    void store(void* p, int64_t stride) {
        for (size_t r = 0; r < rowsOf[kTile]; ++r) {
            std::memcpy(static_cast<uint8_t*>(p) + static_cast<int64_t>(r) * stride, tiles[kTile][r].data(),
                        64);
        }
    }
    /// TDPBUSD, as its definition reads.
    template <int kSums, int kCodes, int kWeights>
    void dot() {
        for (size_t m = 0; m < rowsOf[kSums]; ++m) {
            for (size_t k = 0; k < 16; ++k) {
                for (size_t n = 0; n < 16; ++n) {
                    uint32_t sum = 0;
                    std::memcpy(&sum, &tiles[kSums][m][4 * n], 4);
                    for (size_t i = 0; i < 4; ++i) {
                        const auto weight = static_cast<int8_t>(tiles[kWeights][k][4 * n + i]);
                        sum += static_cast<uint32_t>(tiles[kCodes][m][4 * k + i] * weight);
                    }
                    std::memcpy(&tiles[kSums][m][4 * n], &sum, 4);
                }
            }
        }
    }
    template <int kVectors>
    void write(const Int8PanelCall& call, int64_t row, int64_t rows, const int32_t* sums) const {
        for (int64_t r = 0; r < rows; ++r) {
            for (int64_t c = 0; c < call.columns; ++c) {
                const int64_t offset = int64_t{call.output.rowZero} * call.output.columnSums[c];
                call.output.sums[(row + r) * call.output.stride + c] =
                    static_cast<int32_t>(sums[r * 16 * kVectors + c] - offset);
            }
        }
    }
};

}  // namespace quantscope::test
