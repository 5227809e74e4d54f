// SPDX-License-Identifier: Apache-2.0
#include "quant/blocks/block_encoders_k.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/parallel_for.h"
#include "quant/blocks/block_pass.h"
#include "quant/blocks/five_bit_blocks.h"
#include "quant/blocks/iq4_blocks.h"
#include "quant/blocks/super_blocks.h"

namespace quantscope {
namespace {

using fits::Chunk;
using fits::kChunk;

constexpr int64_t kGrainElements = 8192;

/// Encodes a chunk to its bytes.
using ChunkEncoder = void (*)(const Chunk& chunk, std::byte* to);

template <class Block, int Bytes>
[[gnu::always_inline]] inline void encodeBody(const Chunk& chunk, std::byte* to) {
    std::array<Block, kChunk> blocks;
    fits::encodeChunk<Bytes>(chunk, blocks.data());
    std::memcpy(to, blocks.data(), static_cast<size_t>(chunk.count) * sizeof(Block));
}
QUANTSCOPE_AVX512 void encodeIq4Avx512(const Chunk& chunk, std::byte* to) {
    encodeBody<BlockIq4Nl, 64>(chunk, to);
}
template <class Block>
QUANTSCOPE_AVX2 void encodeAvx2(const Chunk& chunk, std::byte* to) {
    encodeBody<Block, 32>(chunk, to);
}
template <class Block>
void encodeBaseline(const Chunk& chunk, std::byte* to) {
    encodeBody<Block, 16>(chunk, to);
}

template <class Block>
ChunkEncoder encoderFor(InstructionSet set) {
    switch (set) {
        case InstructionSet::Avx512:
            // Wider vectors only where they bring a search tree in one register. GCC 12 takes the conditions
            // of the other fits apart lane by lane: twice the time of AVX2.
            if constexpr (std::is_same_v<Block, BlockIq4Nl>) return encodeIq4Avx512;
            [[fallthrough]];
        case InstructionSet::Avx2:
            return encodeAvx2<Block>;
        case InstructionSet::Baseline:
            return encodeBaseline<Block>;
    }
    return nullptr;
}

ChunkEncoder encoderOf(DType dtype, bool weighted, InstructionSet set) {
    switch (dtype) {
        case DType::Q2_K:
            return encoderFor<BlockQ2K>(set);
        case DType::Q3_K:
            return encoderFor<BlockQ3K>(set);
        case DType::Q4_K:
            return encoderFor<BlockQ4K>(set);
        case DType::Q5_K:
            return encoderFor<BlockQ5K>(set);
        case DType::Q6_K:
            return encoderFor<BlockQ6K>(set);
        case DType::IQ4_NL:
            return encoderFor<BlockIq4Nl>(set);
        case DType::Q5_0:
            return weighted ? encoderFor<BlockQ5_0>(set) : nullptr;
        case DType::Q5_1:
            return weighted ? encoderFor<BlockQ5_1>(set) : nullptr;
        default:
            return nullptr;
    }
}

/// Of every row, its squares summed one after the other as in ggml; empty if no encoder asks for them.
std::vector<float> rowMeanSquares(const MatrixView& w, DType dtype) {
    if (dtype != DType::Q5_0 && dtype != DType::Q5_1) return {};
    std::vector<float> squares(static_cast<size_t>(w.rows));
    parallelFor(w.rows, std::max<int64_t>(1, kGrainElements / w.cols), [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
            float sum = 0;
            for (int64_t c = 0; c < w.cols; ++c) sum += w.row(r)[c] * w.row(r)[c];
            squares[static_cast<size_t>(r)] = sum / static_cast<float>(w.cols);
        }
    });
    return squares;
}

void keepLeast(std::atomic<int64_t>& least, int64_t value) {
    int64_t known = least.load();
    while (value < known && !least.compare_exchange_weak(known, value)) {
    }
}

}  // namespace

Result<Tensor> encodeSuperBlocks(const Tensor& f32, DType dtype, std::span<const float> importance,
                                 const Job& job, InstructionSet set) {
    const ChunkEncoder encoder = encoderOf(dtype, !importance.empty(), set);
    const DTypeInfo& info = infoOf(dtype);
    if (encoder == nullptr)
        return fail(ErrorKind::Unsupported, fmt::format("there is no encoder for {}", info.name), "dtype",
                    "choose Q2_K .. Q6_K or IQ4_NL, or Q5_0 or Q5_1 by importance");
    const MatrixView w = f32.matrix();
    const auto bytes = bytesNeeded(dtype, f32.shape());
    if (!bytes) return fail(bytes.error());
    std::vector<std::byte> encoded(*bytes);
    const std::vector<float> meanSquares = rowMeanSquares(w, dtype);
    constexpr int64_t kNone = std::numeric_limits<int64_t>::max();
    std::atomic<int64_t> bad{kNone};
    const int64_t elements = info.blockElements;
    const int64_t perRow = w.cols / elements;
    const int64_t grain = std::max<int64_t>(kChunk, kGrainElements / elements);
    parallelFor(w.rows * perRow, grain, [&](int64_t begin, int64_t end) {
        if (job.stopRequested()) return;
        if (const int64_t at = firstNonFinite(w.data + begin * elements, (end - begin) * elements); at >= 0)
            return keepLeast(bad, begin * elements + at);
        for (int64_t unit = begin; unit < end; unit += kChunk)
            encoder({w.data + unit * elements, importance.empty() ? nullptr : importance.data(), unit, perRow,
                     static_cast<int>(std::min<int64_t>(kChunk, end - unit)), meanSquares.data()},
                    encoded.data() + unit * info.blockBytes);
    });
    if (bad != kNone)
        return fail(ErrorKind::InvalidArgument, fmt::format("element {} is {}", bad.load(), w.data[bad]),
                    "values", "only finite numbers can be quantized");
    if (job.stopRequested()) return fail(ErrorKind::Cancelled, "encoding was stopped");
    return Tensor::fromBytes(dtype, f32.shape(), std::move(encoded));
}

}  // namespace quantscope
