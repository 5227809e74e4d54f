// SPDX-License-Identifier: Apache-2.0
#include "export/packed_layer.h"

#include <fmt/format.h>

#include <cstring>

#include "tensor/float_bits.h"

namespace quantscope {
namespace {

template <class T>
Tensor tensorOf(DType dtype, Shape shape, std::span<const T> values) {
    std::vector<std::byte> bytes(values.size_bytes());
    if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
    return Tensor::fromBytes(dtype, std::move(shape), std::move(bytes));
}

}  // namespace

OutputTensor part(const ExportLayer& layer, const std::string& suffix, const Tensor& tensor) {
    return outputTensor(layer.module + "." + suffix, tensor);
}

Tensor wordTensor(Shape shape, std::span<const uint32_t> words) {
    return tensorOf(DType::I32, std::move(shape), words);
}

Tensor byteTensor(DType dtype, Shape shape, std::span<const uint8_t> bytes) {
    return tensorOf(dtype, std::move(shape), bytes);
}

Tensor halfTensor(Shape shape, std::span<const float> values) {
    std::vector<uint16_t> halves(values.size());
    for (size_t i = 0; i < values.size(); ++i) halves[i] = f16FromFloat(values[i]);
    return tensorOf(DType::F16, std::move(shape), std::span<const uint16_t>(halves));
}

std::vector<float> transposedFloats(std::span<const float> values, int64_t rows, int64_t cols) {
    std::vector<float> result(values.size());
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < cols; ++c)
            result[static_cast<size_t>(c * rows + r)] = values[static_cast<size_t>(r * cols + c)];
    return result;
}

tl::unexpected<Error> cannotHold(std::string_view layout, const ExportLayer& layer, std::string what,
                                 std::string fix) {
    return fail(ErrorKind::Unsupported, fmt::format("{} cannot hold this: {}", layout, what), layer.name,
                std::move(fix));
}

Result<UniformWeight> uniformCodes(std::string_view layout, const ExportLayer& layer) {
    if (layer.uniform) return *layer.uniform;
    return cannotHold(layout, layer, fmt::format("{} leaves no integer codes", layer.recipe.method),
                      "Choose a method with a uniform grid such as rtn, gptq or awq");
}

Status weightsOnly(std::string_view layout, const ExportLayer& layer) {
    if (!layer.inputs) return {};
    return cannotHold(layout, layer, "it stores weights only, and the variant quantizes activations",
                      "Leave @act out, or export int8 weights to compressed-tensors");
}

Result<std::string> onlySettings(std::string_view layout, const PackedModules& modules) {
    if (modules.groups.empty())
        return fail(ErrorKind::InvalidArgument, "the variant quantizes no layer", "variant",
                    "Give a scheme or a method, such as int4/group=64");
    if (modules.groups.size() > 1)
        return fail(ErrorKind::Unsupported,
                    fmt::format("{} has one setting for the whole model; {} and {} differ", layout,
                                modules.groups[0].second.front(), modules.groups[1].second.front()),
                    "variant", "Give all layers the same bits and group, or export to compressed-tensors");
    return modules.groups.front().first;
}

}  // namespace quantscope
