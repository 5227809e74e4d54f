// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/parallel_for.h"
#include "export/packed_parts.h"
#include "io/json_input.h"

namespace quantscope {
namespace {

/// What the JSON text beside a 4-bit weight says.
struct CodebookState {
    Shape shape;
    int64_t block = 0;
    int64_t nestedBlock = 0;  ///< 0: the absmax values are plain
    float offset = 0;
};

Result<CodebookState> stateOf(const Checkpoint& checkpoint, const PackedModule& module) {
    std::string suffix = "weight.quant_state.bitsandbytes__nf4";
    if (findPart(checkpoint, module, suffix) == nullptr) suffix = "weight.quant_state.bitsandbytes__fp4";
    const auto text = loadPart(checkpoint, module, suffix, 1);
    if (!text) return fail(text.error());
    const auto bytes = text->bytes();
    auto parsed = parseJson({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    if (!parsed) return malformed(checkpoint, module, suffix, parsed.error().message);
    const nlohmann::json& json = *parsed;
    const auto integer = [&](const char* key) {
        return json.is_object() && json.contains(key) && json[key].is_number_integer()
                   ? json[key].get<int64_t>()
                   : int64_t{0};
    };
    CodebookState state;
    state.block = integer("blocksize");
    state.nestedBlock = integer("nested_blocksize");
    if (json.is_object() && json.contains("nested_offset") && json["nested_offset"].is_number())
        state.offset = json["nested_offset"].get<float>();
    if (json.is_object() && json.contains("shape") && json["shape"].is_array())
        for (const auto& size : json["shape"])
            if (size.is_number_integer()) state.shape.push_back(size.get<int64_t>());
    const bool good = state.shape.size() == 2 && bytesNeeded(DType::U8, state.shape) && state.block > 0 &&
                      state.nestedBlock >= 0;
    if (!good) return malformed(checkpoint, module, suffix, "shape or block size are missing or no numbers");
    return state;
}

/// The absmax of every block, after their own 8-bit codes.
Result<std::vector<float>> absmaxOf(const Checkpoint& checkpoint, const PackedModule& module,
                                    const CodebookState& state) {
    if (state.nestedBlock == 0) {
        const auto plain = loadFloats(checkpoint, module, "weight.absmax");
        if (!plain) return fail(plain.error());
        return std::vector<float>(plain->floats().begin(), plain->floats().end());
    }
    const auto codes = loadPart(checkpoint, module, "weight.absmax", 1);
    const auto scales = loadFloats(checkpoint, module, "weight.nested_absmax");
    const auto levels = loadFloats(checkpoint, module, "weight.nested_quant_map");
    if (!codes) return fail(codes.error());
    if (!scales) return fail(scales.error());
    if (!levels) return fail(levels.error());
    const int64_t blocks = (codes->size() + state.nestedBlock - 1) / state.nestedBlock;
    if (codes->dtype() != DType::U8 || levels->size() != 256 || scales->size() != blocks)
        return malformed(checkpoint, module, "weight.nested_absmax",
                         "the parts of double quantization do not fit");
    std::vector<float> absmax(static_cast<size_t>(codes->size()));
    for (size_t i = 0; i < absmax.size(); ++i)
        absmax[i] = levels->floats()[codes->as<uint8_t>()[i]] *
                        scales->floats()[i / static_cast<size_t>(state.nestedBlock)] +
                    state.offset;
    return absmax;
}

}  // namespace

Result<Shape> codebookShape(const Checkpoint& checkpoint, const PackedModule& module) {
    auto state = stateOf(checkpoint, module);
    if (!state) return fail(state.error());
    return std::move(state->shape);
}

Result<Tensor> readCodebook(const Checkpoint& checkpoint, const PackedModule& module, bool swapped) {
    const auto state = stateOf(checkpoint, module);
    if (!state) return fail(state.error());
    const auto packed = loadPart(checkpoint, module, "weight", 0);
    const auto levels = loadFloats(checkpoint, module, "weight.quant_map");
    const auto absmax = absmaxOf(checkpoint, module, *state);
    if (!packed) return fail(packed.error());
    if (!levels) return fail(levels.error());
    if (!absmax) return fail(absmax.error());
    const int64_t count = elementCount(state->shape);
    if (packed->dtype() != DType::U8 || packed->size() != (count + 1) / 2 || levels->size() != 16 ||
        std::ssize(*absmax) != (count + state->block - 1) / state->block)
        return malformed(checkpoint, module, "weight",
                         fmt::format("codes, levels and blocks do not go with {}", describe(state->shape)));
    std::vector<float> values(static_cast<size_t>(count));
    const auto bytes = packed->as<uint8_t>();
    parallelFor(count, 1 << 14, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const uint8_t byte = bytes[static_cast<size_t>(i / 2)];
            const bool high = (i % 2 == 0) != swapped;
            values[static_cast<size_t>(i)] =
                levels->floats()[static_cast<size_t>(high ? byte >> 4 : byte & 0xF)] *
                (*absmax)[static_cast<size_t>(i / state->block)];
        }
    });
    return Tensor::fromFloats(state->shape, std::move(values));
}

}  // namespace quantscope
