// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "export/model_export.h"
#include "methods/interface/method.h"
#include "tensor/dtype.h"

namespace quantscope {

/// The GGUF type a recipe makes of a matrix of this width: the presets q4_0, q4_1, q5_0, q5_1 and q8_0, and
/// the methods q2_k .. q6_k and iq4_nl (with their fallbacks). Nothing for other recipes.
std::optional<DType> ggufTypeOf(const Recipe& recipe, int64_t cols);

/// The weight as that type. Unsupported: recipes without one. InvalidArgument: an importance matrix without
/// statistics.
Result<Tensor> encodeGguf(const LayerInput& input, const Recipe& recipe, const Job& job = {});

/// "general.file_type" as llama.cpp numbers it (llama.h, enum llama_ftype); nothing for types without one.
std::optional<uint64_t> ggufFileType(DType dtype);

/// Writes a GGUF file, atomically. A GGUF source keeps its metadata and all tensors the variant leaves alone;
/// of a Hugging Face folder everything llama.cpp needs is made: names, the order of rotating rows, the
/// tokenizer (byte-level BPE). Embedding and head may be quantized, too ("@token_embd=q6_k").
/// `request.layout` is not read. Unsupported: recipes without a GGUF type, quantized activations (llama.cpp
/// rounds them itself), tokenizers and rotary scalings it cannot write.
Result<ModelExportSummary> exportGguf(const ModelExportRequest& request, const KernelTable& kernels,
                                      const Job& job = {});

/// GGUF metadata of a model in a Hugging Face folder. Errors as above.
Result<Metadata> ggufMetadata(const Model& model, const std::filesystem::path& folder);

}  // namespace quantscope
