// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "export/export_layouts.h"
#include "io/checkpoint.h"
#include "kernels/kernel_table.h"
#include "methods/interface/variant.h"
#include "model/calibration/calibration_source.h"
#include "model/model.h"

namespace quantscope {

/// A model to be written as a quantized Hugging Face folder.
struct ModelExportRequest {
    std::shared_ptr<const Checkpoint> source;  ///< a Hugging Face folder, or a view of that form
    std::shared_ptr<const Model> model;        ///< opened on it
    Variant variant;
    const ExportLayout* layout = nullptr;
    std::filesystem::path target;      ///< a folder that does not exist yet, or an empty one
    std::vector<int32_t> calibration;  ///< tokens for methods that need them; windows of 512
    std::shared_ptr<CalibrationSource> statistics = nullptr;  ///< instead of `calibration`
    std::map<std::string, std::string> files = {};            ///< further files of the folder: name, text
};

struct ModelExportSummary {
    int64_t quantized = 0;  ///< linear layers
    int64_t tensors = 0;
    uint64_t sourceBytes = 0;  ///< of all tensors
    uint64_t targetBytes = 0;
    std::vector<std::string> notes;  ///< what the layout could not keep exactly, fallbacks of methods
};

/// Writes config.json with its quantization_config, model.safetensors and a copy of the tokenizer's files;
/// the folder appears complete or not at all. Tensors outside the linear layers of the blocks keep their
/// bytes, but for norms that take the factors of AWQ and SmoothQuant. Unsupported: variants the layout cannot
/// express (the error names layer and fix), a quantized embedding or head, a source that is quantized itself.
Result<ModelExportSummary> exportModel(const ModelExportRequest& request, const KernelTable& kernels,
                                       const Job& job = {});

}  // namespace quantscope
