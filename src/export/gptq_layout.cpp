// SPDX-License-Identifier: Apache-2.0
#include "export/gptq_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "export/word_packing.h"

namespace quantscope {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kName = "GPTQ";

Status checkShape(const ExportLayer& layer, const UniformWeight& weight) {
    const int bits = weight.bits;
    if (bits != 2 && bits != 3 && bits != 4 && bits != 8)
        return cannotHold(kName, layer, fmt::format("{} bits", bits), "Choose 2, 3, 4 or 8 bits");
    if (weight.cols % 32 != 0 || weight.rows % 32 != 0)
        return cannotHold(kName, layer,
                          fmt::format("{} x {} codes do not fill whole words", weight.rows, weight.cols),
                          "Leave this layer in float: @NAME=float");
    return {};
}

/// [out x groups] zero points as stored: [groups x out], less 1 in version 1.
Result<std::vector<uint8_t>> storedZeros(const ExportLayer& layer, const UniformWeight& weight, int shift) {
    const int64_t groups = weight.groups();
    std::vector<uint8_t> zeros(weight.zeros.size());
    for (int64_t r = 0; r < weight.rows; ++r)
        for (int64_t g = 0; g < groups; ++g) {
            const int32_t zero = weight.zeros[static_cast<size_t>(r * groups + g)];
            if (zero < shift)
                return cannotHold(kName, layer,
                                  fmt::format("output {} has a zero point of 0 in group {}, and version 1 "
                                              "stores the zero point less 1",
                                              r, g),
                                  "Use --layout gptq-v2");
            zeros[static_cast<size_t>(g * weight.rows + r)] = static_cast<uint8_t>(zero - shift);
        }
    return zeros;
}

Tensor groupIndex(const UniformWeight& weight) {
    std::vector<uint32_t> index(static_cast<size_t>(weight.cols));
    for (int64_t c = 0; c < weight.cols; ++c)
        index[static_cast<size_t>(c)] = static_cast<uint32_t>(weight.groupOf(c));
    return wordTensor({weight.cols}, index);
}

Result<PackedLayer> pack(const ExportLayer& layer, int shift) {
    if (Status good = weightsOnly(kName, layer); !good) return fail(good.error());
    auto weight = uniformCodes(kName, layer);
    if (!weight) return fail(weight.error());
    if (Status good = checkShape(layer, *weight); !good) return fail(good.error());
    const int bits = weight->bits;
    const int64_t in = weight->cols;
    const int64_t out = weight->rows;
    const int64_t groups = weight->groups();
    const auto zeros = storedZeros(layer, *weight, shift);
    if (!zeros) return fail(zeros.error());
    PackedLayer packed;
    const std::vector<uint8_t> codes = transposed(weight->codes, out, in);
    packed.tensors = {
        part(layer, "qweight", wordTensor({wordsFor(in, bits), out}, packAlongRows(codes, in, out, bits))),
        part(layer, "qzeros",
             wordTensor({groups, wordsFor(out, bits)}, packAlongColumns(*zeros, groups, out, bits))),
        part(layer, "scales", halfTensor({groups, out}, transposedFloats(weight->scales, out, groups))),
        part(layer, "g_idx", groupIndex(*weight))};
    packed.settings = Json{{"bits", bits},
                           {"group_size", weight->perChannel() ? int64_t{-1} : weight->groupSize},
                           {"desc_act", !weight->groupIndex.empty()},
                           {"sym", weight->symmetric}}
                          .dump();
    if (shift == 1 && !weight->symmetric)
        packed.notes.emplace_back(
            "an asymmetric grid in version 1: transformers loads it, GPTQModel itself takes such files from "
            "its own writer only; gptq-v2 has no such limit");
    return packed;
}

Result<std::string> config(const PackedModules& modules, std::string_view format) {
    const auto settings = onlySettings(kName, modules);
    if (!settings) return fail(settings.error());
    Json config = Json::parse(*settings);
    config["quant_method"] = "gptq";
    config["checkpoint_format"] = format;
    config["format"] = format;
    config["pack_dtype"] = "int32";
    config["lm_head"] = false;
    config["true_sequential"] = true;
    config["meta"] = {{"quantizer", {"quantscope:0.1.0"}}};
    if (!modules.floatModules.empty()) {
        Json& dynamic = config["dynamic"];
        for (std::string module : modules.floatModules) {
            for (size_t at = 0; (at = module.find('.', at)) != std::string::npos; at += 2)
                module.replace(at, 1, "\\.");
            dynamic["-:^" + module + "$"] = Json::object();
        }
    }
    return config.dump();
}

}  // namespace

Result<PackedLayer> packGptqV1(const ExportLayer& layer) {
    return pack(layer, 1);
}

Result<PackedLayer> packGptqV2(const ExportLayer& layer) {
    return pack(layer, 0);
}

Result<std::string> gptqV1Config(const PackedModules& modules) {
    return config(modules, "gptq");
}

Result<std::string> gptqV2Config(const PackedModules& modules) {
    return config(modules, "gptq_v2");
}

}  // namespace quantscope
