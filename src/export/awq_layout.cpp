// SPDX-License-Identifier: Apache-2.0
#include "export/awq_layout.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "export/word_packing.h"

namespace quantscope {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kName = "AWQ";

Status check(const ExportLayer& layer, const UniformWeight& weight) {
    if (weight.bits != 4)
        return cannotHold(kName, layer, fmt::format("{} bits, its kernels take 4", weight.bits),
                          "Choose int4, or export to gptq-v2");
    if (!weight.groupIndex.empty())
        return cannotHold(kName, layer, "groups in act order", "Add static-groups, or export to gptq-v2");
    if (weight.rows % 8 != 0)
        return cannotHold(kName, layer, fmt::format("{} outputs are no multiple of 8", weight.rows),
                          "Leave this layer in float: @NAME=float");
    return {};
}

}  // namespace

Result<PackedLayer> packAwq(const ExportLayer& layer) {
    if (Status good = weightsOnly(kName, layer); !good) return fail(good.error());
    auto weight = uniformCodes(kName, layer);
    if (!weight) return fail(weight.error());
    if (Status good = check(layer, *weight); !good) return fail(good.error());
    const int64_t in = weight->cols;
    const int64_t out = weight->rows;
    const int64_t groups = weight->groups();
    const std::vector<uint8_t> zeros(weight->zeros.begin(), weight->zeros.end());
    PackedLayer packed;
    packed.tensors = {
        part(layer, "qweight",
             wordTensor({in, out / 8}, packNibbles(transposed(weight->codes, out, in), in, out, kAwqOrder))),
        part(layer, "qzeros",
             wordTensor({groups, out / 8},
                        packNibbles(transposed(zeros, out, groups), groups, out, kAwqOrder))),
        part(layer, "scales", halfTensor({groups, out}, transposedFloats(weight->scales, out, groups)))};
    // Symmetric grids are stored with zero points of 8 as well: readers of this layout always look at them.
    packed.settings = Json{
        {"bits", 4},
        {"group_size", weight->perChannel() ? int64_t{-1} : weight->groupSize},
        {"zero_point",
         true}}.dump();
    return packed;
}

Result<std::string> awqConfig(const PackedModules& modules) {
    const auto settings = onlySettings(kName, modules);
    if (!settings) return fail(settings.error());
    Json config = Json::parse(*settings);
    config["quant_method"] = "awq";
    config["version"] = "gemm";
    config["modules_to_not_convert"] = modules.floatModules.empty() ? Json() : Json(modules.floatModules);
    return config.dump();
}

}  // namespace quantscope
