// SPDX-License-Identifier: Apache-2.0
#include "export/compressed_tensors_layout.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "export/word_packing.h"
#include "methods/parts/minifloat_codes.h"
#include "quant/blocks/block_formats.h"

namespace quantscope {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kName = "compressed-tensors";

Tensor shapeTensor(int64_t rows, int64_t cols) {
    const std::array<int64_t, 2> shape = {rows, cols};
    std::vector<std::byte> bytes(sizeof(shape));
    std::copy_n(reinterpret_cast<const std::byte*>(shape.data()), bytes.size(), bytes.begin());
    return Tensor::fromBytes(DType::I64, {2}, std::move(bytes));
}

/// Scales as the scheme stores them; they were rounded to that when they were chosen.
Result<Tensor> scaleTensor(const UniformWeight& weight, ScaleFormat format) {
    const Tensor scales = Tensor::fromFloats({weight.rows, weight.groups()}, weight.scales);
    return encodeBlocks(scales, format == ScaleFormat::F16    ? DType::F16
                                : format == ScaleFormat::BF16 ? DType::BF16
                                                              : DType::F32);
}

/// Offset codes as signed bytes: code - 2^(bits-1).
Tensor signedTensor(Shape shape, std::span<const uint8_t> codes, int bits) {
    std::vector<uint8_t> bytes(codes.size());
    for (size_t i = 0; i < codes.size(); ++i) bytes[i] = static_cast<uint8_t>(codes[i] - (1 << (bits - 1)));
    return byteTensor(DType::I8, std::move(shape), bytes);
}

Json integerArguments(const UniformWeight& weight) {
    Json arguments = {{"num_bits", weight.bits},
                      {"type", "int"},
                      {"symmetric", weight.symmetric},
                      {"strategy", weight.perChannel() ? "channel" : "group"},
                      {"dynamic", false}};
    if (!weight.perChannel()) arguments["group_size"] = weight.groupSize;
    return arguments;
}

/// "input_activations" of a dynamic symmetric integer grid with one range a token.
Result<Json> inputArguments(const ExportLayer& layer) {
    if (!layer.inputs) return Json();
    const ActivationRecipe& inputs = *layer.inputs;
    const Scheme& scheme = inputs.scheme;
    if (inputs.outlierThreshold > 0)
        return cannotHold(kName, layer, "outlier channels in float", "Export LLM.int8() to bitsandbytes");
    if (inputs.isStatic || scheme.granularity != Granularity::Token || scheme.mapping != Mapping::Symmetric ||
        scheme.format != "int")
        return cannotHold(kName, layer, "this quantization of the inputs",
                          "Quantize inputs dynamically, symmetric, a range a token: @act=int8/token");
    return Json{{"num_bits", scheme.bits},
                {"type", "int"},
                {"symmetric", true},
                {"strategy", "token"},
                {"dynamic", true}};
}

std::string settingsText(std::string_view format, Json weights, Json inputs) {
    return Json{{"format", format}, {"weights", std::move(weights)}, {"input_activations", std::move(inputs)}}
        .dump();
}

Status checkInteger(const ExportLayer& layer, const UniformWeight& weight) {
    if (!weight.groupIndex.empty())
        return cannotHold(kName, layer, "groups in act order (version 0.20 no longer reads them)",
                          "Add static-groups, or export to gptq-v2");
    return {};
}

Result<PackedLayer> packInteger(const ExportLayer& layer) {
    const auto weight = uniformCodes(kName, layer);
    if (!weight) return fail(weight.error());
    if (Status good = checkInteger(layer, *weight); !good) return fail(good.error());
    auto inputs = inputArguments(layer);
    if (!inputs) return fail(inputs.error());
    const auto scales = scaleTensor(*weight, layer.recipe.scheme.scaleFormat);
    if (!scales) return fail(scales.error());
    const int bits = weight->bits;
    const Shape shape = {weight->rows, weight->cols};
    const Shape groups = {weight->rows, weight->groups()};
    const std::vector<uint8_t> zeros(weight->zeros.begin(), weight->zeros.end());
    PackedLayer packed;
    const bool dense = !layer.inputs;
    if (dense) {
        packed.tensors = {part(layer, "weight_packed",
                               wordTensor({weight->rows, wordsFor(weight->cols, bits)},
                                          packAlongColumns(weight->codes, weight->rows, weight->cols, bits))),
                          part(layer, "weight_scale", *scales),
                          part(layer, "weight_shape", shapeTensor(weight->rows, weight->cols))};
        if (32 % bits != 0)
            packed.notes.push_back(fmt::format(
                "{} bits are packed as one bit string: compressed-tensors before 0.16 read them otherwise",
                bits));
        if (!weight->symmetric)
            packed.tensors.push_back(part(layer, "weight_zero_point",
                                          wordTensor({wordsFor(groups[0], bits), groups[1]},
                                                     packAlongRows(zeros, groups[0], groups[1], bits))));
    } else {
        packed.tensors = {part(layer, "weight", signedTensor(shape, weight->codes, bits)),
                          part(layer, "weight_scale", *scales)};
        if (!weight->symmetric)
            packed.tensors.push_back(part(layer, "weight_zero_point", signedTensor(groups, zeros, bits)));
    }
    packed.settings = settingsText(dense ? "pack-quantized" : "int-quantized", integerArguments(*weight),
                                   std::move(*inputs));
    return packed;
}

Result<PackedLayer> packFp8(const ExportLayer& layer) {
    const Fp8Codes codes = encodeFp8(layer.weight, layer.recipe);
    if (codes.e5m2) return cannotHold(kName, layer, "E5M2", "Choose fp8 with element=e4m3");
    const int64_t rows = layer.weight.rows();
    const int64_t cols = layer.weight.cols();
    const bool tensor = codes.blockRows == rows;
    const bool channel = codes.blockRows == 1;
    Shape scales = {(rows + codes.blockRows - 1) / codes.blockRows,
                    (cols + codes.blockCols - 1) / codes.blockCols};
    if (tensor) scales = {1};
    Json arguments = {{"num_bits", 8},
                      {"type", "float"},
                      {"symmetric", true},
                      {"strategy", tensor ? "tensor" : (channel ? "channel" : "block")},
                      {"dynamic", false}};
    if (!tensor && !channel) arguments["block_structure"] = {codes.blockRows, codes.blockCols};
    PackedLayer packed;
    packed.tensors = {part(layer, "weight", byteTensor(DType::F8E4M3, {rows, cols}, codes.codes)),
                      part(layer, "weight_scale", Tensor::fromFloats(scales, codes.scales))};
    packed.settings = settingsText("float-quantized", std::move(arguments), Json());
    return packed;
}

Result<PackedLayer> packFp4(const ExportLayer& layer, const Fp4Codes& codes, bool nvfp4) {
    const int64_t rows = layer.weight.rows();
    const int64_t cols = layer.weight.cols();
    if (cols % codes.block != 0)
        return cannotHold(kName, layer, fmt::format("{} inputs are no multiple of {}", cols, codes.block),
                          "Leave this layer in float: @NAME=float");
    std::vector<uint8_t> bytes(codes.codes.size() / 2);
    for (size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<uint8_t>(codes.codes[2 * i] | (codes.codes[2 * i + 1] << 4));
    Json arguments = {{"num_bits", 4},
                      {"type", "float"},
                      {"symmetric", true},
                      {"strategy", nvfp4 ? "tensor_group" : "group"},
                      {"group_size", codes.block},
                      {"dynamic", false},
                      {"scale_dtype", nvfp4 ? "torch.float8_e4m3fn" : "torch.uint8"}};
    PackedLayer packed;
    packed.tensors = {
        part(layer, "weight_packed", byteTensor(DType::U8, {rows, cols / 2}, bytes)),
        part(layer, "weight_scale",
             byteTensor(nvfp4 ? DType::F8E4M3 : DType::U8, {rows, cols / codes.block}, codes.scales))};
    if (nvfp4)
        packed.tensors.push_back(
            part(layer, "weight_global_scale", Tensor::fromFloats({1}, {1.0F / codes.tensorScale})));
    packed.settings =
        settingsText(nvfp4 ? "nvfp4-pack-quantized" : "mxfp4-pack-quantized", std::move(arguments), Json());
    return packed;
}

}  // namespace

Result<PackedLayer> packCompressedTensors(const ExportLayer& layer) {
    const std::string& method = layer.recipe.method;
    if (layer.uniform) return packInteger(layer);
    const bool minifloat = method == "fp8" || method == "nvfp4" || method == "mxfp4";
    if (minifloat && layer.inputs)
        return cannotHold(kName, layer, "integer inputs beside small-float weights", "Leave @act out");
    if (method == "fp8") return packFp8(layer);
    if (method == "nvfp4") return packFp4(layer, encodeNvfp4(layer.weight), true);
    if (method == "mxfp4") return packFp4(layer, encodeMxfp4(layer.weight, layer.recipe), false);
    return cannotHold(kName, layer, fmt::format("the storage of {}", method),
                      "Choose integer codes (rtn, gptq, awq, smoothquant), fp8, nvfp4 or mxfp4");
}

Result<std::string> compressedTensorsConfig(const PackedModules& modules) {
    if (modules.groups.empty()) return onlySettings(kName, modules);
    Json groups = Json::object();
    std::string format;
    for (const auto& [text, names] : modules.groups) {
        Json settings = Json::parse(text);
        const std::string own = settings["format"].get<std::string>();
        format = format.empty() || format == own ? own : "mixed-precision";
        // One setting for every linear layer is said by the class, as the peer's own files do.
        const bool all = modules.groups.size() == 1;
        settings["targets"] = all ? Json::array({"Linear"}) : Json(names);
        settings["output_activations"] = nullptr;
        groups[fmt::format("group_{}", groups.size())] = std::move(settings);
    }
    std::vector<std::string> ignored = modules.floatModules;
    ignored.emplace_back("lm_head");
    return Json{
        {"quant_method", "compressed-tensors"}, {"format", format},  {"quantization_status", "compressed"},
        {"config_groups", std::move(groups)},   {"ignore", ignored}, {"kv_cache_scheme", nullptr},
        {"global_compression_ratio", nullptr}}
        .dump();
}

}  // namespace quantscope
