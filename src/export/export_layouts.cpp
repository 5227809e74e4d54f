// SPDX-License-Identifier: Apache-2.0
#include "export/export_layouts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "export/awq_layout.h"
#include "export/bitsandbytes_layout.h"
#include "export/compressed_tensors_layout.h"
#include "export/gptq_layout.h"

namespace quantscope {

std::span<const ExportLayout> exportLayouts() {
    static constexpr std::array<ExportLayout, 5> kLayouts = {{
        {"gptq", "GPTQ", "2, 3, 4 or 8 bits, symmetric or affine, groups or channels, act order",
         "weights only; zero points of at least 1; one setting for all layers",
         "transformers with GPTQModel, vLLM", true, packGptqV1, gptqV1Config},
        {"gptq-v2", "GPTQ version 2", "as gptq, any zero point", "weights only; one setting for all layers",
         "GPTQModel", true, packGptqV2, gptqV2Config},
        {"awq", "AWQ GEMM", "4 bits, symmetric or affine, groups or channels",
         "weights only; no act order; one setting for all layers", "transformers with GPTQModel, vLLM", true,
         packAwq, awqConfig},
        {"compressed-tensors", "compressed-tensors",
         "integer weights of 2 to 8 bits, integer inputs (dynamic, a range a token), fp8 e4m3, nvfp4, mxfp4; "
         "layers may differ",
         "no act order, no outlier channels", "transformers with compressed-tensors, vLLM", false,
         packCompressedTensors, compressedTensorsConfig},
        {"bitsandbytes", "bitsandbytes", "nf4 and fp4 (also double), LLM.int8()",
         "nothing else; one setting for all layers", "transformers with bitsandbytes", false,
         packBitsandbytes, bitsandbytesConfig},
    }};
    return kLayouts;
}

Result<const ExportLayout*> exportLayoutNamed(std::string_view name) {
    std::vector<std::string_view> names;
    for (const ExportLayout& layout : exportLayouts()) {
        if (layout.name == name) return &layout;
        names.push_back(layout.name);
    }
    return fail(ErrorKind::InvalidArgument, fmt::format("there is no layout \"{}\"", name), "layout",
                fmt::format("Choose {}", fmt::join(names, ", ")));
}

}  // namespace quantscope
