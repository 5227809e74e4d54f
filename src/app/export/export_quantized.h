// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/experiment/source_library.h"
#include "base/job.h"
#include "base/result.h"
#include "methods/interface/variant.h"
#include "tensor/dtype.h"

namespace quantscope {

/// A file with some tensors quantized. The target's name decides the form:
///   .gguf         the source must be GGUF; schemes must be GGUF presets (q8_0, q4_0, q4_1, q5_0, q5_1), or
///                 `dequantizeTo` is set. llama.cpp loads the result.
///   .safetensors  for each tensor NAME: NAME.codes (packed, U8 [rows, bytes per row]), NAME.scales and,
///   unless
///                 symmetric, NAME.zero_points or NAME.minima ([groups down, groups across]); the metadata
///                 hold each scheme under "quantscope.NAME". With `dequantizeTo`, plain values under the old
///                 names.
struct ExportRequest {
    std::string source;  ///< as openCheckpoint takes it
    std::filesystem::path target;
    Variant variant;  ///< layers it leaves in float keep their stored type
    /// Glob patterns of tensor or layer names; empty: the linear layers of the blocks, or, in a file that is
    /// no language model, every matrix.
    std::vector<std::string> tensors;
    std::optional<DType> dequantizeTo;  ///< F32, F16 or BF16: quantized values instead of codes
};

struct ExportSummary {
    int64_t tensors = 0;  ///< in the target
    int64_t quantized = 0;
    uint64_t sourceBytes = 0;  ///< of all tensors
    uint64_t targetBytes = 0;
};

/// Writes the file atomically, opens it again and compares every tensor's bytes with what was written.
/// InvalidArgument: a target, scheme or pattern that does not fit; Malformed: the file read back differs.
Result<ExportSummary> exportQuantized(const ExportRequest& request, SourceLibrary& sources, const Job& job);

}  // namespace quantscope
