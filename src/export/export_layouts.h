// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "export/packed_layer.h"

namespace quantscope {

/// One line of the table of layouts: how an ecosystem stores a quantized model as a Hugging Face folder.
struct ExportLayout {
    std::string_view name;    ///< on the command line
    std::string_view label;   ///< on screen
    std::string_view holds;   ///< what it can store
    std::string_view limits;  ///< what it cannot
    std::string_view reader;  ///< what loads it without a GPU
    bool halfScales;          ///< scales are stored as F16, whatever the scheme says
    Result<PackedLayer> (*pack)(const ExportLayer& layer);
    /// "quantization_config" of config.json.
    Result<std::string> (*config)(const PackedModules& modules);
};

std::span<const ExportLayout> exportLayouts();
/// InvalidArgument lists the names there are.
Result<const ExportLayout*> exportLayoutNamed(std::string_view name);

}  // namespace quantscope
