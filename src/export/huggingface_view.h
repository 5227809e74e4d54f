// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "io/checkpoint.h"
#include "model/model.h"

namespace quantscope {

/// A GGUF language model as a Hugging Face folder would hold it.
struct HuggingFaceView {
    std::shared_ptr<const Checkpoint>
        checkpoint;                            ///< tensors by their other names, config.json in its metadata
    std::map<std::string, std::string> files;  ///< tokenizer.json and tokenizer_config.json
    std::vector<std::string> notes;            ///< what could not be carried over
};

/// Weights are read when asked for: block types as F16, the rows of attn_q and attn_k in Hugging Face's
/// order. The tokenizer's files are made for byte-level BPE (GGUF model "gpt2") whose pre-tokenizer is known:
/// smollm, gpt-2, llama-bpe, qwen2; for others a note says that they are missing. Unsupported: heads of which
/// only a part turns.
Result<HuggingFaceView> huggingFaceView(const std::shared_ptr<const Checkpoint>& gguf,
                                        const std::shared_ptr<const Model>& model);

/// tokenizer.json from GGUF metadata; Unsupported as said above.
Result<std::string> tokenizerJson(const Metadata& metadata);

}  // namespace quantscope
