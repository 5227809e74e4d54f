// SPDX-License-Identifier: Apache-2.0
#include "methods/block_codebook.h"

#include <algorithm>
#include <cmath>

#include "base/parallel_for.h"
#include "methods/minifloat_codes.h"
#include "methods/options.h"
#include "methods/stored_values.h"
#include "quant/codebooks.h"

namespace quantscope {
namespace {

constexpr int64_t kNestedBlock = 256;
/// What the peer divides by instead of an absmax of 0.
constexpr float kSmallest = 1e-38F;

/// Whole blocks are multiplied by the inverse, a ragged last one is divided: as the peer does.
float scaled(float value, float absmax, bool whole) {
    const float divisor = std::max(absmax, kSmallest);
    return std::clamp(whole ? value * (1.0F / divisor) : value / divisor, -1.0F, 1.0F);
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
    for (int64_t first = 0; first < count; first += kNestedBlock) {
        const int64_t size = std::min(kNestedBlock, count - first);
        float* block = absmax.data() + first;
        for (int64_t i = 0; i < size; ++i) block[i] -= offset;
        const float largest = absMax(block, size);
        result.absmaxScales.push_back(largest);
        for (int64_t i = 0; i < size; ++i) {
            const int32_t code = nearest(scaled(block[i], largest, size == kNestedBlock));
            result.absmaxCodes[static_cast<size_t>(first + i)] = static_cast<uint8_t>(code);
            block[i] = levels[static_cast<size_t>(code)] * largest + offset;
        }
    }
}

/// Blocks a thread takes at once.
int64_t grainOf(int64_t block) {
    return std::max<int64_t>(1, (1 << 14) / block);
}

}  // namespace

BlockCodebook::BlockCodebook(Levels levels) : m_levels(levels) {
    const bool nf4 = levels == Levels::Nf4;
    m_info.name = nf4 ? "nf4" : "fp4";
    m_info.label = nf4 ? "NF4 (QLoRA)" : "FP4 (bitsandbytes)";
    m_info.source = "Dettmers et al., QLoRA, NeurIPS 2023 (arXiv:2305.14314)";
    m_info.help =
        nf4 ? "r = absmax L[q]: 16 levels at quantiles of the normal distribution, one absmax a block"
            : "r = absmax L[q]: 16 levels of a float with 2 bits of exponent, one absmax a block";
    m_info.usesScheme = false;
    m_info.minimumBits = 4;
    m_info.maximumBits = 5;
    m_info.scheme.bits = 4;
    ParameterInfo block = integerParameter(
        "block", "Block", "elements of the flattened weight that share an absmax", 1, 1 << 20, "64");
    for (const char* size : {"32", "64", "128", "256", "512", "1024", "2048", "4096"})
        block.choices.push_back({size, size, ""});
    m_info.parameters = {block,
                         toggleParameter("double", "Double quantization",
                                         "the absmax values in 8 bits, in blocks of 256, less their mean")};
}

double BlockCodebook::storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const {
    const MethodOptions options(m_info, recipe);
    const int64_t count = rows * cols;
    const int64_t block = options.integer("block");
    const int64_t blocks = (count + block - 1) / block;
    const int64_t codes = (count + 1) / 2;
    const int64_t nested = (blocks + kNestedBlock - 1) / kNestedBlock;
    return static_cast<double>(options.toggle("double") ? codes + blocks + 4 * nested + 4
                                                        : codes + 4 * blocks);
}

CodebookCodes BlockCodebook::encode(const Tensor& weight, const Recipe& recipe) const {
    const MethodOptions options(m_info, recipe);
    const int64_t block = options.integer("block");
    const auto source = weight.floats();
    const auto count = static_cast<int64_t>(source.size());
    const int64_t blocks = (count + block - 1) / block;
    const NearestLevel nearest(m_levels == Levels::Nf4 ? nf4Levels() : fp4Levels());
    CodebookCodes result;
    result.absmax.resize(static_cast<size_t>(blocks));
    result.codes.resize(source.size());
    parallelFor(blocks, grainOf(block), [&](int64_t begin, int64_t end) {
        for (int64_t b = begin; b < end; ++b) {
            const int64_t size = std::min(block, count - b * block);
            const float* from = source.data() + b * block;
            const float largest = absMax(from, size);
            result.absmax[static_cast<size_t>(b)] = largest;
            for (int64_t i = 0; i < size; ++i)
                result.codes[static_cast<size_t>(b * block + i)] =
                    static_cast<uint8_t>(nearest(scaled(from[i], largest, size == block)));
        }
    });
    if (options.toggle("double")) quantizeStatistics(result);
    return result;
}

Result<LayerResult> BlockCodebook::quantize(const LayerInput& input, const Recipe& recipe,
                                            const Job& job) const {
    if (!job.proceed(0, m_info.name)) return fail(ErrorKind::Cancelled, m_info.name + " was stopped");
    const CodebookCodes encoded = encode(input.weight, recipe);
    const int64_t block = MethodOptions(m_info, recipe).integer("block");
    const auto levels = m_levels == Levels::Nf4 ? nf4Levels() : fp4Levels();
    const auto count = static_cast<int64_t>(encoded.codes.size());
    std::vector<float> values(encoded.codes.size());
    parallelFor(std::ssize(encoded.absmax), grainOf(block), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin * block; i < std::min(count, end * block); ++i)
            values[static_cast<size_t>(i)] = levels[encoded.codes[static_cast<size_t>(i)]] *
                                             encoded.absmax[static_cast<size_t>(i / block)];
    });
    return valuesResult(input.weight.shape(), std::move(values),
                        storedBytes(recipe, input.weight.rows(), input.weight.cols()));
}

}  // namespace quantscope
