// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "export/packed_parts.h"

namespace quantscope {
namespace {

std::span<const uint32_t> wordsOf(const Tensor& tensor) {
    return tensor.as<uint32_t>();
}

bool isWords(const TensorEntry* entry) {
    return entry != nullptr && entry->dtype == DType::I32 && entry->shape.size() == 2;
}

std::vector<uint8_t> codesOf(const Tensor& words, const WordShape& shape, const NibbleOrder& order) {
    if (!shape.alongInputs) {
        auto codes = shape.bits == 4 ? unpackNibbles(wordsOf(words), shape.in, shape.out, order)
                                     : unpackAlongColumns(wordsOf(words), shape.in, shape.out, shape.bits);
        return transposed(codes, shape.in, shape.out);
    }
    auto codes =
        transposed(unpackAlongRows(wordsOf(words), shape.in, shape.out, shape.bits), shape.in, shape.out);
    if (shape.bits != 4 || order == kRunningOrder) return codes;
    std::vector<uint8_t> moved(codes.size());
    for (size_t i = 0; i + 8 <= codes.size(); i += 8)
        for (size_t j = 0; j < 8; ++j) moved[i + order[j]] = codes[i + j];
    return moved;
}

/// The group of every input: g_idx, which may point at any group.
Result<std::vector<int32_t>> groupIndex(const Checkpoint& checkpoint, const PackedModule& module,
                                        const WordShape& shape) {
    std::vector<int32_t> index;
    if (findPart(checkpoint, module, "g_idx") == nullptr) return index;
    const auto stored = loadPart(checkpoint, module, "g_idx", 1);
    if (!stored) return fail(stored.error());
    if (stored->dtype() != DType::I32 || stored->size() != shape.in)
        return malformed(checkpoint, module, "g_idx", fmt::format("this is not {} integers", shape.in));
    const auto values = stored->as<int32_t>();
    index.assign(values.begin(), values.end());
    const int64_t size = shape.in / shape.groups;
    bool running = true;
    for (int64_t i = 0; i < shape.in; ++i) {
        const int32_t group = index[static_cast<size_t>(i)];
        if (group < 0 || group >= shape.groups)
            return malformed(checkpoint, module, "g_idx", fmt::format("input {} is in group {}", i, group));
        running = running && group == i / size;
    }
    if (running) index.clear();
    return index;
}

}  // namespace

Result<WordShape> wordShape(const Checkpoint& checkpoint, const PackedModule& module) {
    if (module.family != PackedFamily::Words)
        return fail(ErrorKind::Unsupported, "this layer is not stored as qweight and qzeros", module.name);
    const TensorEntry* weight = findPart(checkpoint, module, "qweight");
    const TensorEntry* zeros = findPart(checkpoint, module, "qzeros");
    const TensorEntry* scales = findPart(checkpoint, module, "scales");
    if (!isWords(weight)) return malformed(checkpoint, module, "qweight", "this is no matrix of I32");
    if (!isWords(zeros)) return malformed(checkpoint, module, "qzeros", "this is no matrix of I32");
    if (scales == nullptr || scales->shape.size() != 2)
        return malformed(checkpoint, module, "scales", "this is missing or no matrix");
    WordShape shape;
    shape.groups = scales->shape[0];
    shape.out = scales->shape[1];
    if (shape.groups < 1 || shape.out < 1 || zeros->shape[0] != shape.groups || zeros->shape[1] < 1)
        return malformed(checkpoint, module, "qzeros", "its shape does not go with that of the scales");
    // 32 / bits codes a word; 3 bits: 32 codes in 3 words.
    shape.bits = static_cast<int>(32 * zeros->shape[1] / shape.out);
    if (shape.bits < 2 || shape.bits > 8 || wordsFor(shape.out, shape.bits) != zeros->shape[1])
        return malformed(checkpoint, module, "qzeros", "its width goes with no width of codes");
    if (weight->shape[1] == shape.out) {
        shape.in = weight->shape[0] * 32 / shape.bits;
    } else if (weight->shape[1] == zeros->shape[1]) {
        shape.alongInputs = false;
        shape.in = weight->shape[0];
    } else {
        return malformed(checkpoint, module, "qweight",
                         fmt::format("{} goes with {} outputs of {} bits neither packed along the inputs nor "
                                     "along the outputs",
                                     describe(weight->shape), shape.out, shape.bits));
    }
    const bool whole = !shape.alongInputs || wordsFor(shape.in, shape.bits) == weight->shape[0];
    if (shape.in < 1 || shape.in % shape.groups != 0 || !whole || (!shape.alongInputs && shape.out % 8 != 0))
        return malformed(checkpoint, module, "scales",
                         fmt::format("{} groups do not divide {} inputs", shape.groups, shape.in));
    return shape;
}

Result<UniformWeight> readWords(const Checkpoint& checkpoint, const PackedModule& module,
                                const WordReading& reading) {
    const auto shape = wordShape(checkpoint, module);
    if (!shape) return fail(shape.error());
    const auto words = loadPart(checkpoint, module, "qweight");
    const auto zeroWords = loadPart(checkpoint, module, "qzeros");
    const auto scales = loadFloats(checkpoint, module, "scales");
    auto index = groupIndex(checkpoint, module, *shape);
    if (!words) return fail(words.error());
    if (!zeroWords) return fail(zeroWords.error());
    if (!scales) return fail(scales.error());
    if (!index) return fail(index.error());
    UniformWeight weight;
    weight.bits = shape->bits;
    weight.rows = shape->out;
    weight.cols = shape->in;
    weight.groupSize = shape->in / shape->groups;
    weight.codes = codesOf(*words, *shape, reading.codeOrder);
    weight.groupIndex = std::move(*index);
    const auto zeros = shape->bits == 4 && shape->out % 8 == 0
                           ? unpackNibbles(wordsOf(*zeroWords), shape->groups, shape->out, reading.zeroOrder)
                           : unpackAlongColumns(wordsOf(*zeroWords), shape->groups, shape->out, shape->bits);
    const int32_t most = 1 << shape->bits;
    weight.symmetric = true;
    for (int64_t r = 0; r < shape->out; ++r)
        for (int64_t g = 0; g < shape->groups; ++g) {
            const auto at = static_cast<size_t>(g * shape->out + r);
            weight.scales.push_back(scales->floats()[at]);
            // Version 1's 2^bits - 1 is a zero point of 0 less 1.
            weight.zeros.push_back((zeros[at] + reading.zeroOffset + most) % most);
            weight.symmetric = weight.symmetric && weight.zeros.back() == most / 2;
        }
    return weight;
}

}  // namespace quantscope
