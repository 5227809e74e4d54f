// SPDX-License-Identifier: Apache-2.0
#include "export_inputs.h"

#include <algorithm>
#include <cmath>

namespace quantscope::test {

uint32_t counterValue(uint32_t index, uint32_t seed) {
    uint32_t x = index + seed * 1000003U;
    x ^= x >> 16;
    x *= 0x7FEB352DU;
    x ^= x >> 15;
    x *= 0x846CA68BU;
    return x ^ (x >> 16);
}

std::vector<uint8_t> goldenCodes(int64_t rows, int64_t cols, int bits, uint32_t seed) {
    std::vector<uint8_t> codes(static_cast<size_t>(rows * cols));
    for (size_t i = 0; i < codes.size(); ++i)
        codes[i] = static_cast<uint8_t>(counterValue(static_cast<uint32_t>(i), seed) >> (32 - bits));
    return codes;
}

std::vector<float> goldenFloats(int64_t count, uint32_t seed) {
    std::vector<float> values(static_cast<size_t>(count));
    for (size_t i = 0; i < values.size(); ++i)
        values[i] = static_cast<float>(counterValue(static_cast<uint32_t>(i), seed) >> 8) * 0x1p-24F - 0.5F;
    return values;
}

UniformWeight goldenWeight(int bits, uint32_t seed) {
    UniformWeight weight;
    weight.bits = bits;
    weight.rows = 32;
    weight.cols = 64;
    weight.groupSize = 32;
    weight.symmetric = false;
    weight.codes = goldenCodes(32, 64, bits, seed);
    for (const uint8_t zero : goldenCodes(32, 2, bits, seed + 1))
        weight.zeros.push_back(std::max<int>(zero, 1));
    for (const uint8_t exponent : goldenCodes(32, 2, 2, seed + 2))
        weight.scales.push_back(std::ldexp(1.0F, -4 - exponent));
    return weight;
}

ExportLayer layerOf(const std::string& variant) {
    const auto parsed = parseVariant(variant);
    Q_ASSERT(parsed);
    return {"blk.0.attn_q", "model.layers.0.self_attn.q_proj", parsed->weights, parsed->activations, {}, {}};
}

const TensorEntry* entryOf(const PackedLayer& packed, const std::string& suffix) {
    for (const OutputTensor& tensor : packed.tensors)
        if (tensor.entry.name == "model.layers.0.self_attn.q_proj." + suffix) return &tensor.entry;
    return nullptr;
}

std::vector<uint8_t> bytesOf(const PackedLayer& packed, const std::string& suffix) {
    for (const OutputTensor& tensor : packed.tensors) {
        if (tensor.entry.name != "model.layers.0.self_attn.q_proj." + suffix) continue;
        const auto made = tensor.load();
        if (!made) return {};
        const auto bytes = made->as<uint8_t>();
        return {bytes.begin(), bytes.end()};
    }
    return {};
}

}  // namespace quantscope::test
