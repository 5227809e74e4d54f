// SPDX-License-Identifier: Apache-2.0
#include "export/word_packing.h"

#include <algorithm>

#include "base/parallel_for.h"

namespace quantscope {
namespace {

/// `count` codes, `step` apart, into words that are `wordStep` apart; the words are 0 before.
void packRun(const uint8_t* codes, int64_t count, int64_t step, int bits, uint32_t* words, int64_t wordStep) {
    for (int64_t j = 0; j < count; ++j) {
        const int64_t bit = j * bits;
        const uint64_t value = uint64_t{codes[j * step]} << (bit % 32);
        words[bit / 32 * wordStep] |= static_cast<uint32_t>(value);
        if (value >> 32 != 0) words[(bit / 32 + 1) * wordStep] |= static_cast<uint32_t>(value >> 32);
    }
}

void unpackRun(const uint32_t* words, int64_t wordStep, int bits, uint8_t* codes, int64_t count,
               int64_t step) {
    const uint32_t mask = (1U << bits) - 1;
    for (int64_t j = 0; j < count; ++j) {
        const int64_t bit = j * bits;
        uint64_t value = words[bit / 32 * wordStep];
        if (bit % 32 + bits > 32) value |= uint64_t{words[(bit / 32 + 1) * wordStep]} << 32;
        codes[j * step] = static_cast<uint8_t>((value >> (bit % 32)) & mask);
    }
}

constexpr int64_t kGrain = 32;

}  // namespace

std::vector<uint32_t> packAlongColumns(std::span<const uint8_t> codes, int64_t rows, int64_t cols, int bits) {
    const int64_t width = wordsFor(cols, bits);
    std::vector<uint32_t> words(static_cast<size_t>(rows * width));
    parallelFor(rows, kGrain, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r)
            packRun(codes.data() + r * cols, cols, 1, bits, words.data() + r * width, 1);
    });
    return words;
}

std::vector<uint8_t> unpackAlongColumns(std::span<const uint32_t> words, int64_t rows, int64_t cols,
                                        int bits) {
    const int64_t width = wordsFor(cols, bits);
    std::vector<uint8_t> codes(static_cast<size_t>(rows * cols));
    parallelFor(rows, kGrain, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r)
            unpackRun(words.data() + r * width, 1, bits, codes.data() + r * cols, cols, 1);
    });
    return codes;
}

std::vector<uint32_t> packAlongRows(std::span<const uint8_t> codes, int64_t rows, int64_t cols, int bits) {
    std::vector<uint32_t> words(static_cast<size_t>(wordsFor(rows, bits) * cols));
    parallelFor(cols, kGrain, [&](int64_t begin, int64_t end) {
        for (int64_t c = begin; c < end; ++c)
            packRun(codes.data() + c, rows, cols, bits, words.data() + c, cols);
    });
    return words;
}

std::vector<uint8_t> unpackAlongRows(std::span<const uint32_t> words, int64_t rows, int64_t cols, int bits) {
    std::vector<uint8_t> codes(static_cast<size_t>(rows * cols));
    parallelFor(cols, kGrain, [&](int64_t begin, int64_t end) {
        for (int64_t c = begin; c < end; ++c)
            unpackRun(words.data() + c, cols, bits, codes.data() + c, rows, cols);
    });
    return codes;
}

std::vector<uint32_t> packNibbles(std::span<const uint8_t> codes, int64_t rows, int64_t cols,
                                  const NibbleOrder& order) {
    std::vector<uint32_t> words(static_cast<size_t>(rows * cols / 8));
    parallelFor(static_cast<int64_t>(words.size()), 1 << 12, [&](int64_t begin, int64_t end) {
        for (int64_t w = begin; w < end; ++w)
            for (unsigned i = 0; i < 8; ++i)
                words[static_cast<size_t>(w)] |= uint32_t{codes[static_cast<size_t>(8 * w + order[i])]}
                                                 << (4 * i);
    });
    return words;
}

std::vector<uint8_t> unpackNibbles(std::span<const uint32_t> words, int64_t rows, int64_t cols,
                                   const NibbleOrder& order) {
    std::vector<uint8_t> codes(static_cast<size_t>(rows * cols));
    parallelFor(rows * cols / 8, 1 << 12, [&](int64_t begin, int64_t end) {
        for (int64_t w = begin; w < end; ++w)
            for (unsigned i = 0; i < 8; ++i)
                codes[static_cast<size_t>(8 * w + order[i])] =
                    static_cast<uint8_t>((words[static_cast<size_t>(w)] >> (4 * i)) & 0xFU);
    });
    return codes;
}

std::vector<uint8_t> transposed(std::span<const uint8_t> codes, int64_t rows, int64_t cols) {
    std::vector<uint8_t> result(codes.size());
    constexpr int64_t kTile = 64;
    parallelFor((rows + kTile - 1) / kTile, 1, [&](int64_t begin, int64_t end) {
        for (int64_t r0 = begin * kTile; r0 < std::min(rows, end * kTile); r0 += kTile)
            for (int64_t c0 = 0; c0 < cols; c0 += kTile)
                for (int64_t c = c0; c < std::min(cols, c0 + kTile); ++c)
                    for (int64_t r = r0; r < std::min(rows, r0 + kTile); ++r)
                        result[static_cast<size_t>(c * rows + r)] = codes[static_cast<size_t>(r * cols + c)];
    });
    return result;
}

}  // namespace quantscope
