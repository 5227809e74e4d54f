// SPDX-License-Identifier: Apache-2.0
// Codes of GGUF blocks, type by type without another decoder for each: a block is decoded with its smallest
// codes and with its largest ones; what it really holds lies on the straight line between the two.
#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstring>

#include "base/parallel_for.h"
#include "methods/parts/level_codes.h"
#include "quant/blocks/block_formats.h"
#include "quant/blocks/block_layouts.h"

namespace quantscope {
namespace {

/// Bytes [begin, end) of a block.
struct Bytes {
    size_t begin = 0;
    size_t end = 0;
};

/// Where a type keeps its codes, and what its smallest and largest code look like there.
struct CodeBytes {
    DType dtype;
    std::array<Bytes, 2> at;  ///< the second may be empty
    int32_t codeMin;          ///< as block_layouts.h subtracts
    int32_t codeMax;
    int64_t run;  ///< elements that share a scale
    uint8_t smallest = 0x00;
    uint8_t largest = 0xFF;
};

#define QUANTSCOPE_BYTES(block, member)                                          \
    Bytes {                                                                      \
        offsetof(block, member), offsetof(block, member) + sizeof(block::member) \
    }

constexpr std::array kTypes{
    CodeBytes{DType::Q5_0,
              {QUANTSCOPE_BYTES(BlockQ5_0, nibbles), QUANTSCOPE_BYTES(BlockQ5_0, highBits)},
              -16,
              15,
              32},
    CodeBytes{DType::Q5_1,
              {QUANTSCOPE_BYTES(BlockQ5_1, nibbles), QUANTSCOPE_BYTES(BlockQ5_1, highBits)},
              0,
              31,
              32},
    CodeBytes{DType::Q8_0, {QUANTSCOPE_BYTES(BlockQ8_0, codes), {}}, -128, 127, 32, 0x80, 0x7F},
    CodeBytes{DType::IQ4_NL, {QUANTSCOPE_BYTES(BlockIq4Nl, nibbles), {}}, 0, 15, 32},
    CodeBytes{DType::Q2_K, {QUANTSCOPE_BYTES(BlockQ2K, codes), {}}, 0, 3, 16},
    CodeBytes{
        DType::Q3_K, {QUANTSCOPE_BYTES(BlockQ3K, codes), QUANTSCOPE_BYTES(BlockQ3K, highBits)}, -4, 3, 16},
    CodeBytes{DType::Q4_K, {QUANTSCOPE_BYTES(BlockQ4K, codes), {}}, 0, 15, 32},
    CodeBytes{
        DType::Q5_K, {QUANTSCOPE_BYTES(BlockQ5K, codes), QUANTSCOPE_BYTES(BlockQ5K, highBits)}, 0, 31, 32},
    CodeBytes{DType::Q6_K,
              {QUANTSCOPE_BYTES(BlockQ6K, lowNibbles), QUANTSCOPE_BYTES(BlockQ6K, highPairs)},
              -32,
              31,
              16},
};

#undef QUANTSCOPE_BYTES

/// The block with all of its codes the same.
void decodeWith(const CodeBytes& type, const BlockFormat& format, std::vector<std::byte> block, uint8_t fill,
                float* values) {
    for (const Bytes& bytes : type.at)
        std::fill(block.begin() + static_cast<std::ptrdiff_t>(bytes.begin),
                  block.begin() + static_cast<std::ptrdiff_t>(bytes.end), std::byte{fill});
    format.decode(block.data(), values, 1);
}

/// The place of a value between those of the smallest and the largest code.
uint16_t offsetOf(const CodeBytes& type, float value, float first, float last) {
    if (first == last) return 0;
    const double share = (static_cast<double>(value) - static_cast<double>(first)) /
                         (static_cast<double>(last) - static_cast<double>(first));
    if (type.dtype != DType::IQ4_NL) {
        const int32_t most = type.codeMax - type.codeMin;
        return static_cast<uint16_t>(std::clamp<int64_t>(std::llround(share * most), 0, most));
    }
    const double level = kIq4NlValues.front() + share * (kIq4NlValues.back() - kIq4NlValues.front());
    const auto rounded = std::lround(level);
    const auto at = std::lower_bound(kIq4NlValues.begin(), kIq4NlValues.end() - 1, rounded);
    return static_cast<uint16_t>(at - kIq4NlValues.begin());
}

/// Share of the way from the smallest code's value to the largest one's.
double shareOf(const CodeBytes& type, int32_t offset) {
    if (type.dtype != DType::IQ4_NL) return static_cast<double>(offset) / (type.codeMax - type.codeMin);
    return static_cast<double>(kIq4NlValues[static_cast<size_t>(offset)] - kIq4NlValues.front()) /
           (kIq4NlValues.back() - kIq4NlValues.front());
}

void addLevels(StoredCodes& stored, const CodeBytes& type) {
    stored.shownGroup = medianRange(stored.ranges);
    const ValueRange& range = stored.ranges[static_cast<size_t>(stored.shownGroup)];
    for (int32_t i = 0; i <= type.codeMax - type.codeMin; ++i)
        stored.levels.push_back(static_cast<float>(
            static_cast<double>(range.low) +
            shareOf(type, i) * (static_cast<double>(range.high) - static_cast<double>(range.low))));
}

}  // namespace

StoredCodes blockCodes(const Tensor& blocks, const MatrixView& values) {
    const auto* type = std::find_if(kTypes.begin(), kTypes.end(),
                                    [&](const CodeBytes& entry) { return entry.dtype == blocks.dtype(); });
    const BlockFormat* format = blockFormatOf(blocks.dtype());
    assert(type != kTypes.end() && format != nullptr);
    const DTypeInfo& info = infoOf(blocks.dtype());
    StoredCodes stored;
    stored.meaning = "code in its block of " + std::string(info.name);
    stored.cols = values.cols;
    stored.layout = {values.rows, values.cols, 1, type->run};
    stored.codeMin = type->codeMin;
    stored.codeMax = type->codeMax;
    stored.offsets.resize(static_cast<size_t>(values.size()));
    stored.ranges.resize(static_cast<size_t>(stored.layout.groupCount()));
    const int64_t perRow = values.cols / info.blockElements;
    parallelFor(values.rows, 4, [&](int64_t begin, int64_t end) {
        std::vector<float> first(static_cast<size_t>(info.blockElements));
        std::vector<float> last(first.size());
        for (int64_t block = begin * perRow; block < end * perRow; ++block) {
            const std::byte* from = blocks.bytes().data() + block * info.blockBytes;
            const std::vector<std::byte> copy(from, from + info.blockBytes);
            decodeWith(*type, *format, copy, type->smallest, first.data());
            decodeWith(*type, *format, copy, type->largest, last.data());
            const int64_t row = block / perRow;
            for (size_t i = 0; i < first.size(); ++i) {
                const int64_t col = block % perRow * info.blockElements + static_cast<int64_t>(i);
                stored.offsets[static_cast<size_t>(row * values.cols + col)] =
                    offsetOf(*type, values.at(row, col), first[i], last[i]);
                stored.ranges[static_cast<size_t>(stored.layout.groupOf(row, col))] = {
                    std::min(first[i], last[i]), std::max(first[i], last[i])};
            }
        }
    });
    if (!stored.ranges.empty()) addLevels(stored, *type);
    return stored;
}

}  // namespace quantscope
