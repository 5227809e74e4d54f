// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "app/experiment/source_library.h"
#include "base/job.h"
#include "base/result.h"
#include "export/layout_doctor.h"
#include "export/model_export.h"
#include "kernels/kernel_table.h"
#include "methods/interface/variant.h"

namespace quantscope {

/// A language model to be written in another ecosystem's layout.
struct LanguageModelExport {
    std::string source;  ///< Hugging Face folder or GGUF file
    Variant variant;
    std::string layout;                ///< a name of exportLayoutNames()
    std::filesystem::path target;      ///< a new folder, or a file
    std::string calibrationPath;       ///< text for methods that need it; may be empty
    int calibrationChunks = 16;        ///< windows of 512 tokens of it, 0 = all
    std::string calibrationFile = {};  ///< statistics that were saved, instead of the text; may be empty
};

/// See exportModel(). InvalidArgument: an unknown layout, a target that exists.
Result<ModelExportSummary> exportLanguageModel(const LanguageModelExport& request, SourceLibrary& sources,
                                               const KernelTable& kernels, const Job& job = {});

/// Examines how a quantized folder or file is packed; `reference` (may be empty) is its float model. See
/// examineLayout().
Result<LayoutReport> examineFile(const std::string& path, const std::string& reference,
                                 SourceLibrary& sources, const Job& job = {});

/// A layout as a person chooses it.
struct ExportChoice {
    std::string name;   ///< LanguageModelExport::layout
    std::string label;  ///< as on screen
    std::string holds;
    std::string limits;   ///< what it cannot store; may be empty
    std::string reader;   ///< what loads it
    bool isFile = false;  ///< the target is a file, not a folder
};
/// All of exportLayouts(), and GGUF.
std::vector<ExportChoice> exportChoices();

std::vector<std::string> exportLayoutNames();
/// One line a layout: what it holds and what reads it.
std::string exportLayoutHelp();

}  // namespace quantscope
