// SPDX-License-Identifier: Apache-2.0
#include "methods/parts/codebook_codes.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "base/parallel_for.h"
#include "methods/interface/options.h"
#include "quant/estimators/run_extremes.h"
#include "quant/formats/codebooks.h"
#include "quant/passes/codebook_runs.h"

namespace quantscope {
namespace {

constexpr int64_t kNestedBlock = 256;
/// bitsandbytes divides by this instead of an absmax of 0.
constexpr float kSmallest = 1e-38F;

/// Whole blocks are multiplied by the inverse, a shorter last one is divided, as bitsandbytes does. (It also
/// limits the quotient to [-1, 1], which changes no nearest level.)
RunScale scaleOf(float absmax, bool whole) {
    const float divisor = std::max(absmax, kSmallest);
    return whole ? RunScale{1.0F / divisor, false} : RunScale{divisor, true};
}

float scaled(float value, const RunScale& scale) {
    return scale.divide ? value / scale.factor : value * scale.factor;
}

/// The absmax values and their own 8-bit quantization.
void quantizeStatistics(CodebookCodes& result) {
    std::vector<float>& absmax = result.absmax;
    double sum = 0;
    for (const float value : absmax) sum += static_cast<double>(value);
    const auto offset = static_cast<float>(sum / static_cast<double>(absmax.size()));
    const auto levels = dynamicLevels();
    const NearestLevel nearest(levels);
    const auto count = static_cast<int64_t>(absmax.size());
    result.offset = offset;
    result.absmaxCodes.resize(absmax.size());
    const int64_t blocks = (count + kNestedBlock - 1) / kNestedBlock;
    result.absmaxScales.resize(static_cast<size_t>(blocks));
    parallelFor(blocks, 4, [&](int64_t begin, int64_t end) {
        for (int64_t b = begin; b < end; ++b) {
            const int64_t first = b * kNestedBlock;
            const int64_t size = std::min(kNestedBlock, count - first);
            float* block = absmax.data() + first;
            for (int64_t i = 0; i < size; ++i) block[i] -= offset;
            const float largest = absMax(block, size);
            const RunScale scale = scaleOf(largest, size == kNestedBlock);
            result.absmaxScales[static_cast<size_t>(b)] = largest;
            for (int64_t i = 0; i < size; ++i) {
                const int32_t code = nearest(scaled(block[i], scale));
                result.absmaxCodes[static_cast<size_t>(first + i)] = static_cast<uint8_t>(code);
                block[i] = levels[static_cast<size_t>(code)] * largest + offset;
            }
        }
    });
}

/// One flattened weight in its blocks.
struct Blocks {
    std::span<const float> all;
    int64_t size;

    [[nodiscard]] int64_t count() const { return (std::ssize(all) + size - 1) / size; }
    [[nodiscard]] std::span<const float> at(int64_t b) const {
        return all.subspan(static_cast<size_t>(b * size),
                           static_cast<size_t>(std::min(size, std::ssize(all) - b * size)));
    }
    [[nodiscard]] RunScale scale(int64_t b, float absmax) const {
        return scaleOf(absmax, std::ssize(at(b)) == size);
    }
    /// body(b) for each.
    template <class Body>
    void forEach(const Body& body) const {
        parallelFor(count(), std::max<int64_t>(1, (1 << 14) / size), [&](int64_t begin, int64_t end) {
            for (int64_t b = begin; b < end; ++b) body(b);
        });
    }
    [[nodiscard]] std::vector<float> absMaxima() const {
        std::vector<float> result(static_cast<size_t>(count()));
        forEach([&](int64_t b) { result[static_cast<size_t>(b)] = absMax(at(b).data(), std::ssize(at(b))); });
        return result;
    }
};

std::span<const float> levelsOf(CodebookLevels levels) {
    return levels == CodebookLevels::Nf4 ? nf4Levels() : fp4Levels();
}

}  // namespace

CodebookStorage codebookStorage(const Recipe& recipe) {
    const MethodOptions options(recipe);
    return {recipe.method == "nf4" ? CodebookLevels::Nf4 : CodebookLevels::Fp4, options.integer("block"),
            options.toggle("double")};
}

double codebookBytes(int64_t elements, const CodebookStorage& storage) {
    const int64_t blocks = (elements + storage.block - 1) / storage.block;
    const int64_t codes = (elements + 1) / 2;
    const int64_t nested = (blocks + kNestedBlock - 1) / kNestedBlock;
    return static_cast<double>(storage.doubled ? codes + blocks + 4 * nested + 4 : codes + 4 * blocks);
}

CodebookCodes encodeCodebook(const Tensor& weight, const CodebookStorage& storage) {
    const Blocks blocks{weight.floats(), storage.block};
    const FewLevels nearest(levelsOf(storage.levels));
    CodebookCodes result;
    result.absmax = blocks.absMaxima();
    result.codes.resize(blocks.all.size());
    blocks.forEach([&](int64_t b) {
        nearest.codes(blocks.at(b), blocks.scale(b, result.absmax[static_cast<size_t>(b)]),
                      result.codes.data() + b * blocks.size);
    });
    if (storage.doubled) quantizeStatistics(result);
    return result;
}

FloatBuffer codebookValues(const Tensor& weight, const CodebookStorage& storage) {
    const Blocks blocks{weight.floats(), storage.block};
    const FewLevels nearest(levelsOf(storage.levels));
    const std::vector<float> absmax = blocks.absMaxima();
    CodebookCodes read;
    read.absmax = absmax;
    if (storage.doubled) quantizeStatistics(read);
    FloatBuffer values = floatBuffer(std::ssize(blocks.all));
    blocks.forEach([&](int64_t b) {
        const auto at = static_cast<size_t>(b);
        nearest.values(blocks.at(b), blocks.scale(b, absmax[at]), read.absmax[at],
                       values.get() + b * blocks.size);
    });
    return values;
}

}  // namespace quantscope
