// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/checkpoint.h"

namespace quantscope {

/// Which elements of a head a rotary embedding turns together. Pairs: (2i, 2i+1), GGUF's llama order.
/// Halves: (i, i + d/2), Hugging Face's order. A GGUF converter permutes the rows of attn_q and attn_k
/// accordingly; weights stay as the file has them and the matching form is used, so that the layer table and
/// the Tensor lab see the same rows.
enum class RotaryLayout { Pairs, Halves };

/// How rotary frequencies are stretched beyond the trained context.
/// Linear: every frequency / factor. Llama3: frequencies with wavelength > original / lowFactor are divided
/// by factor, those with wavelength < original / highFactor stay, between them interpolated (Llama 3.1).
enum class RopeScaling { None, Linear, Llama3 };

/// The shape of a model. All counts are positive and their products checked against overflow.
struct ModelConfig {
    std::string architecture;  ///< as the file names it: "llama", "LlamaForCausalLM", "MistralForCausalLM"
    std::string name;          ///< for people; may be empty
    int64_t vocabulary = 0;
    int64_t blocks = 0;
    int64_t hidden = 0;         ///< width of the residual stream
    int64_t feedForward = 0;    ///< width inside the SwiGLU
    int64_t heads = 0;          ///< query heads
    int64_t keyValueHeads = 0;  ///< divides heads
    int64_t headDim = 0;
    int64_t contextLength = 0;  ///< trained context, tokens
    /// Tokens a query looks back at most, in the block where that is least; 0 = all. Longer windows are
    /// refused.
    int64_t slidingWindow = 0;
    float normEpsilon = 1e-5F;
    bool tiedEmbeddings = false;   ///< the output head is the embedding matrix
    bool attentionBias = false;    ///< where the family leaves it to the file: attention's layers have biases
    bool feedForwardBias = false;  ///< likewise
    RotaryLayout rotaryLayout = RotaryLayout::Pairs;
    int64_t rotaryDims = 0;  ///< leading dimensions of a head that turn; even
    double ropeTheta = 10000;
    RopeScaling ropeScaling = RopeScaling::None;
    double ropeFactor = 1;
    double ropeLowFactor = 1;
    double ropeHighFactor = 4;
    int64_t ropeOriginalContext = 8192;

    bool operator==(const ModelConfig&) const = default;
};

/// From GGUF metadata ("llama.block_count", ...); the vocabulary, tying and biases come from the tensors.
/// Unsupported: another architecture. Malformed: missing, contradicting or absurd values.
Result<ModelConfig> configFromGguf(const Checkpoint& checkpoint);

/// From the text of config.json. Same errors; also Unsupported for activations other than SiLU.
Result<ModelConfig> configFromHuggingFace(std::string_view json);

/// Counts positive and not absurd, heads divisible, rotary dimensions even. Malformed otherwise.
Status checkConfig(const ModelConfig& config);

}  // namespace quantscope
