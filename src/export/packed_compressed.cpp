// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "base/parallel_for.h"
#include "export/packed_parts.h"
#include "tensor/float_bits.h"

namespace quantscope {
namespace {

/// Codes a row packed 32 / bits to a word, none across words: compressed-tensors before 0.16.
std::vector<uint8_t> unpackPadded(std::span<const uint32_t> words, int64_t rows, int64_t cols, int bits) {
    const int64_t each = 32 / bits;
    const int64_t width = (cols + each - 1) / each;
    std::vector<uint8_t> codes(static_cast<size_t>(rows * cols));
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < cols; ++c)
            codes[static_cast<size_t>(r * cols + c)] = static_cast<uint8_t>(
                (words[static_cast<size_t>(r * width + c / each)] >> (c % each * bits)) & ((1U << bits) - 1));
    return codes;
}

/// The width of codes that fills so many words a row; 0 if none does. Few columns may leave several: the
/// common widths come first.
int bitsFilling(int64_t cols, int64_t words, bool& padded) {
    for (const bool pad : {false, true})
        for (const int bits : {4, 8, 2, 3, 5, 6, 7}) {
            const int64_t each = 32 / bits;
            padded = pad;
            if (words == (pad ? (cols + each - 1) / each : wordsFor(cols, bits))) return bits;
        }
    return 0;
}

/// [rows x groups] scales of a weight of this shape; a single one is repeated.
Status takeScales(const Checkpoint& checkpoint, const PackedModule& module, UniformWeight& weight) {
    const bool absmax = module.family == PackedFamily::Int8;
    const std::string name = absmax ? "SCB" : "weight_scale";
    const auto scales = loadFloats(checkpoint, module, name);
    if (!scales) return fail(scales.error());
    const auto values = scales->floats();
    const int64_t groups = scales->size() <= 1 ? 1 : scales->size() / std::max<int64_t>(1, weight.rows);
    const bool fits = scales->size() == 1 || (groups > 0 && groups * weight.rows == scales->size());
    if (!fits || weight.cols % groups != 0)
        return malformed(
            checkpoint, module, name,
            fmt::format("{} scales do not go with {} x {}", scales->size(), weight.rows, weight.cols));
    weight.groupSize = weight.cols / groups;
    for (int64_t i = 0; i < weight.rows * groups; ++i) {
        const float scale = values[scales->size() == 1 ? 0 : static_cast<size_t>(i)];
        weight.scales.push_back(absmax ? scale / 127.0F : scale);
    }
    weight.zeros.assign(weight.scales.size(), 1 << (weight.bits - 1));
    return {};
}

std::vector<uint8_t> offsetBytes(const Tensor& tensor) {
    std::vector<uint8_t> codes(tensor.bytes().size());
    std::ranges::transform(tensor.as<uint8_t>(), codes.begin(),
                           [](uint8_t byte) { return static_cast<uint8_t>(byte + 128); });
    return codes;
}

}  // namespace

Result<UniformWeight> readPackedIntegers(const Checkpoint& checkpoint, const PackedModule& module) {
    const auto shape = packedShape(checkpoint, module);
    const auto packed = loadPart(checkpoint, module, "weight_packed");
    if (!shape) return fail(shape.error());
    if (!packed) return fail(packed.error());
    UniformWeight weight;
    weight.rows = (*shape)[0];
    weight.cols = (*shape)[1];
    bool padded = false;
    // At most 16 codes of 2 bits a word: a file that claims more has sizes that nothing holds.
    const bool possible = weight.cols >= 1 && weight.cols / 16 <= packed->shape()[1];
    weight.bits = possible ? bitsFilling(weight.cols, packed->shape()[1], padded) : 0;
    if (weight.bits == 0 || packed->dtype() != DType::I32 || packed->shape()[0] != weight.rows)
        return malformed(checkpoint, module, "weight_packed",
                         fmt::format("{} does not hold {} x {} codes", describe(packed->shape()), weight.rows,
                                     weight.cols));
    const auto words = packed->as<uint32_t>();
    weight.codes = padded ? unpackPadded(words, weight.rows, weight.cols, weight.bits)
                          : unpackAlongColumns(words, weight.rows, weight.cols, weight.bits);
    if (Status done = takeScales(checkpoint, module, weight); !done) return fail(done.error());
    if (findPart(checkpoint, module, "weight_zero_point") == nullptr) return weight;
    const auto zeros = loadPart(checkpoint, module, "weight_zero_point");
    if (!zeros) return fail(zeros.error());
    const int64_t groups = weight.groups();
    if (padded || zeros->dtype() != DType::I32 ||
        zeros->shape() != Shape{wordsFor(weight.rows, weight.bits), groups})
        return malformed(checkpoint, module, "weight_zero_point",
                         "this is not one packed zero point an output and group");
    const auto unpacked = unpackAlongRows(zeros->as<uint32_t>(), weight.rows, groups, weight.bits);
    weight.zeros.assign(unpacked.begin(), unpacked.end());
    weight.symmetric = false;
    return weight;
}

Result<UniformWeight> readByteIntegers(const Checkpoint& checkpoint, const PackedModule& module) {
    const auto bytes = loadPart(checkpoint, module, "weight");
    if (!bytes) return fail(bytes.error());
    if (bytes->dtype() != DType::I8) return malformed(checkpoint, module, "weight", "these are no I8 codes");
    UniformWeight weight;
    weight.bits = 8;
    weight.rows = bytes->rows();
    weight.cols = bytes->cols();
    weight.codes = offsetBytes(*bytes);
    if (Status done = takeScales(checkpoint, module, weight); !done) return fail(done.error());
    if (findPart(checkpoint, module, "weight_zero_point") == nullptr) return weight;
    const auto zeros = loadPart(checkpoint, module, "weight_zero_point", 0);
    if (!zeros) return fail(zeros.error());
    if (zeros->dtype() != DType::I8 || zeros->size() != std::ssize(weight.scales))
        return malformed(checkpoint, module, "weight_zero_point", "this is not one I8 a scale");
    const auto offset = offsetBytes(*zeros);
    weight.zeros.assign(offset.begin(), offset.end());
    weight.symmetric = false;
    return weight;
}

Result<Tensor> readFp8(const Checkpoint& checkpoint, const PackedModule& module) {
    const auto codes = loadPart(checkpoint, module, "weight");
    const auto scales = loadFloats(checkpoint, module, "weight_scale");
    if (!codes) return fail(codes.error());
    if (!scales) return fail(scales.error());
    const int64_t rows = codes->rows();
    const int64_t cols = codes->cols();
    constexpr int64_t kBlock = 128;
    int64_t blockRows = rows;
    int64_t blockCols = cols;
    if (scales->size() == rows && rows > 1) {
        blockRows = 1;
    } else if (scales->size() != 1) {
        blockRows = blockCols = kBlock;
    }
    const int64_t across = blockCols < 1 ? 0 : (cols + blockCols - 1) / blockCols;
    const int64_t down = blockRows < 1 ? 0 : (rows + blockRows - 1) / blockRows;
    if (scales->size() != across * down)
        return malformed(checkpoint, module, "weight_scale",
                         fmt::format("{} scales do not go with {} x {}", scales->size(), rows, cols));
    std::vector<float> values(static_cast<size_t>(rows * cols));
    const auto bytes = codes->as<uint8_t>();
    parallelFor(rows, 16, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r)
            for (int64_t c = 0; c < cols; ++c)
                values[static_cast<size_t>(r * cols + c)] =
                    floatFromE4m3(bytes[static_cast<size_t>(r * cols + c)]) *
                    scales->floats()[static_cast<size_t>(r / blockRows * across + c / blockCols)];
    });
    return Tensor::fromFloats({rows, cols}, std::move(values));
}

Result<Tensor> readFp4(const Checkpoint& checkpoint, const PackedModule& module, bool swapped) {
    const auto packed = loadPart(checkpoint, module, "weight_packed");
    const auto scales = loadPart(checkpoint, module, "weight_scale");
    if (!packed) return fail(packed.error());
    if (!scales) return fail(scales.error());
    const bool nvfp4 = scales->dtype() == DType::F8E4M3;
    const int64_t rows = packed->rows();
    const int64_t cols = 2 * packed->cols();
    const int64_t runs = scales->cols();
    if (packed->dtype() != DType::U8 || (!nvfp4 && scales->dtype() != DType::U8) || scales->rows() != rows ||
        runs < 1 || cols % runs != 0)
        return malformed(checkpoint, module, "weight_scale", "the scales do not go with the codes");
    float divisor = 1;
    if (nvfp4) {
        const auto global = loadFloats(checkpoint, module, "weight_global_scale");
        if (!global) return fail(global.error());
        if (global->size() != 1)
            return malformed(checkpoint, module, "weight_global_scale", "this is not one scale");
        divisor = global->floats()[0];
    }
    std::vector<float> values(static_cast<size_t>(rows * cols));
    const auto bytes = packed->as<uint8_t>();
    const auto scaleBytes = scales->as<uint8_t>();
    const int64_t block = cols / runs;
    parallelFor(rows, 16, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r)
            for (int64_t c = 0; c < cols; ++c) {
                const uint8_t byte = bytes[static_cast<size_t>(r * cols / 2 + c / 2)];
                const uint8_t scale = scaleBytes[static_cast<size_t>(r * runs + c / block)];
                const bool high = (c % 2 == 1) != swapped;
                const float s = (nvfp4 ? floatFromE4m3(scale) : floatFromE8m0(scale)) / divisor;
                values[static_cast<size_t>(r * cols + c)] =
                    floatFromE2m1(static_cast<uint8_t>(high ? byte >> 4 : byte & 0xF)) * s;
            }
    });
    return Tensor::fromFloats({rows, cols}, std::move(values));
}

}  // namespace quantscope
