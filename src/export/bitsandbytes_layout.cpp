// SPDX-License-Identifier: Apache-2.0
#include "export/bitsandbytes_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "methods/parts/codebook_codes.h"
#include "quant/formats/codebooks.h"

namespace quantscope {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kName = "bitsandbytes";
constexpr int64_t kNestedBlock = 256;

/// The peer's code of each of our sorted levels.
std::array<uint8_t, 16> codeOfLevel(bool nf4) {
    std::array<uint8_t, 16> codes{};
    const auto sorted = nf4 ? nf4Levels() : fp4Levels();
    const auto table = bitsandbytesLevels(nf4);
    for (size_t level = 0; level < sorted.size(); ++level)
        codes[level] = static_cast<uint8_t>(std::ranges::find(table, sorted[level]) - table.begin());
    return codes;
}

Tensor textTensor(const std::string& text) {
    return byteTensor(DType::U8, {std::ssize(text)},
                      {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

Tensor floatTensor(std::span<const float> values) {
    return Tensor::fromFloats({std::ssize(values)}, {values.begin(), values.end()});
}

Result<PackedLayer> packFourBits(const ExportLayer& layer) {
    if (Status good = weightsOnly(kName, layer); !good) return fail(good.error());
    const bool nf4 = layer.recipe.method == "nf4";
    const CodebookStorage storage = codebookStorage(layer.recipe);
    const CodebookCodes codes = encodeCodebook(layer.weight, storage);
    const auto translate = codeOfLevel(nf4);
    std::vector<uint8_t> bytes((codes.codes.size() + 1) / 2);
    for (size_t i = 0; i < codes.codes.size(); ++i)
        bytes[i / 2] |= static_cast<uint8_t>(translate[codes.codes[i]] << (i % 2 == 0 ? 4 : 0));
    Json state = {{"quant_type", nf4 ? "nf4" : "fp4"},
                  {"blocksize", storage.block},
                  {"dtype", "float32"},
                  {"shape", {layer.weight.rows(), layer.weight.cols()}}};
    PackedLayer packed;
    packed.tensors = {part(layer, "weight", byteTensor(DType::U8, {std::ssize(bytes), 1}, bytes)),
                      part(layer, "weight.quant_map", floatTensor(bitsandbytesLevels(nf4)))};
    if (storage.doubled) {
        state["nested_blocksize"] = kNestedBlock;
        state["nested_dtype"] = "float32";
        state["nested_offset"] = codes.offset;
        packed.tensors.push_back(
            part(layer, "weight.absmax",
                 byteTensor(DType::U8, {std::ssize(codes.absmaxCodes)}, codes.absmaxCodes)));
        packed.tensors.push_back(part(layer, "weight.nested_absmax", floatTensor(codes.absmaxScales)));
        packed.tensors.push_back(part(layer, "weight.nested_quant_map", floatTensor(dynamicLevels())));
    } else {
        packed.tensors.push_back(part(layer, "weight.absmax", floatTensor(codes.absmax)));
    }
    packed.tensors.push_back(part(layer,
                                  fmt::format("weight.quant_state.bitsandbytes__{}", nf4 ? "nf4" : "fp4"),
                                  textTensor(state.dump())));
    packed.settings = Json{
        {"load_in_4bit", true},
        {"load_in_8bit", false},
        {"bnb_4bit_quant_type", nf4 ? "nf4" : "fp4"},
        {"bnb_4bit_use_double_quant", storage.doubled},
        {"bnb_4bit_compute_dtype", "float32"},
        {"bnb_4bit_quant_storage",
         "uint8"}}.dump();
    return packed;
}

Status checkEightBits(const ExportLayer& layer, const UniformWeight& weight) {
    const Scheme& scheme = layer.recipe.scheme;
    if (weight.bits != 8 || !weight.perChannel() || !weight.symmetric || !scheme.isSigned ||
        scheme.symmetricRange != SymmetricRange::Narrow)
        return cannotHold(kName, layer, "this grid", "Choose llm-int8, or nf4 and fp4 for 4 bits");
    if (!layer.inputs || layer.inputs->isStatic || layer.inputs->scheme.bits != 8 ||
        layer.inputs->scheme.mapping != Mapping::Symmetric ||
        layer.inputs->scheme.granularity != Granularity::Token)
        return cannotHold(kName, layer,
                          "int8 weights with inputs in another form: its products are int8 on both "
                          "sides, a range a token",
                          "Choose llm-int8, llm-int8/threshold=6 or w8a8/token");
    return {};
}

Result<PackedLayer> packEightBits(const ExportLayer& layer) {
    const auto weight = uniformCodes(kName, layer);
    if (!weight) return fail(weight.error());
    if (Status good = checkEightBits(layer, *weight); !good) return fail(good.error());
    std::vector<uint8_t> codes(weight->codes.size());
    std::ranges::transform(weight->codes, codes.begin(),
                           [](uint8_t code) { return static_cast<uint8_t>(code - 128); });
    std::vector<float> absmax(weight->scales.size());
    std::ranges::transform(weight->scales, absmax.begin(), [](float scale) { return scale * 127.0F; });
    PackedLayer packed;
    packed.tensors = {part(layer, "weight", byteTensor(DType::I8, {weight->rows, weight->cols}, codes)),
                      part(layer, "SCB", floatTensor(absmax)),
                      part(layer, "weight_format", byteTensor(DType::U8, {}, std::array<uint8_t, 1>{0}))};
    packed.settings = Json{
        {"load_in_4bit", false},
        {"load_in_8bit", true},
        {"llm_int8_threshold", layer.inputs->outlierThreshold},
        {"llm_int8_has_fp16_weight",
         false}}.dump();
    return packed;
}

}  // namespace

std::span<const float> bitsandbytesLevels(bool nf4) {
    static constexpr std::array<float, 8> kMagnitudes = {0, 0.0625F, 8, 12, 4, 6, 2, 3};
    static const std::array<float, 16> kFp4 = [] {
        std::array<float, 16> levels{};
        for (size_t i = 0; i < 8; ++i) {
            levels[i] = kMagnitudes[i] / 12.0F;
            levels[i + 8] = i == 0 ? 0.0F : -levels[i];  // the peer has 0 twice
        }
        return levels;
    }();
    return nf4 ? nf4Levels() : std::span<const float>(kFp4);
}

Result<PackedLayer> packBitsandbytes(const ExportLayer& layer) {
    if (layer.recipe.method == "nf4" || layer.recipe.method == "fp4") return packFourBits(layer);
    if (layer.uniform) return packEightBits(layer);
    return cannotHold(kName, layer, fmt::format("the storage of {}", layer.recipe.method),
                      "Choose nf4, fp4 or llm-int8");
}

Result<std::string> bitsandbytesConfig(const PackedModules& modules) {
    const auto settings = onlySettings(kName, modules);
    if (!settings) return fail(settings.error());
    Json config = {{"quant_method", "bitsandbytes"}, {"_load_in_4bit", false}, {"_load_in_8bit", false}};
    config.update(Json::parse(*settings));
    config["_load_in_4bit"] = config["load_in_4bit"];
    config["_load_in_8bit"] = config["load_in_8bit"];
    std::vector<std::string> skipped = modules.floatModules;
    skipped.emplace_back("lm_head");
    config["llm_int8_skip_modules"] = skipped;
    return config.dump();
}

}  // namespace quantscope
