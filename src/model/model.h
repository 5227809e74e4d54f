// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "io/checkpoint.h"
#include "model/config.h"
#include "model/tokenizer/tokenizer.h"
#include "tensor/tensor.h"

namespace quantscope {

/// What a linear layer does in its block; Output is the head, which belongs to no block.
enum class LinearKind { Query, Key, Value, AttentionOutput, Gate, Up, Down, Output };

/// The linear layers of a block, in the order they run.
constexpr int kLinearsPerBlock = 7;

/// One linear layer: Y = X W^T with W [outFeatures x inFeatures].
struct LinearInfo {
    std::string name;   ///< canonical: "blk.3.ffn_down", "output"
    int64_t block = 0;  ///< -1 for the head
    LinearKind kind = LinearKind::Query;
    int64_t outFeatures = 0;
    int64_t inFeatures = 0;
    std::string tensorName;  ///< in the file: "blk.3.ffn_down.weight", "model.layers.3.mlp.down_proj.weight"
    DType dtype = DType::F32;  ///< as stored
    uint64_t bytes = 0;        ///< as stored
};

/// A language model: its shape and its lazy weights. Nothing is read before it is asked for; immutable, and
/// safe to use from several threads. Canonical names follow GGUF: token_embd, blk.N.attn_norm, blk.N.attn_q,
/// attn_k, attn_v, attn_output, ffn_norm, ffn_gate, ffn_up, ffn_down, output_norm, output.
class Model {
 public:
    virtual ~Model() = default;

    [[nodiscard]] virtual const ModelConfig& config() const = 0;
    [[nodiscard]] virtual const std::string& path() const = 0;
    /// The blocks' layers in running order, then the head ("output", also when it is tied).
    [[nodiscard]] virtual std::span<const LinearInfo> linears() const = 0;
    /// A linear layer's weight as F32 [out x in]. NotFound; Malformed for NaN-free reasons the file states.
    [[nodiscard]] virtual Result<Tensor> linearWeight(std::string_view name, const Job& job = {}) const = 0;
    /// Any weight as F32 by canonical name without ".weight": "blk.0.attn_norm", "token_embd", "output_norm".
    [[nodiscard]] virtual Result<Tensor> weight(std::string_view name) const = 0;
    /// The same as it is stored, block types included; nothing is copied.
    [[nodiscard]] virtual Result<Tensor> storedWeight(std::string_view name) const = 0;
    /// NotFound when the file has none.
    [[nodiscard]] virtual Result<std::shared_ptr<const Tokenizer>> tokenizer() const = 0;
    /// Bytes of all weights as stored.
    [[nodiscard]] virtual uint64_t storedBytes() const = 0;

    [[nodiscard]] const LinearInfo* findLinear(std::string_view name) const;
    /// The seven layers of a block.
    [[nodiscard]] std::span<const LinearInfo> blockLinears(int64_t block) const;
    [[nodiscard]] const LinearInfo& head() const;
};

/// Opens a GGUF file or a Hugging Face folder (config.json, *.safetensors, tokenizer.json). Reads headers and
/// checks that every tensor is there with the shape the configuration asks for.
Result<std::shared_ptr<const Model>> openModel(const std::filesystem::path& path);

/// The same on a checkpoint that is open already.
Result<std::shared_ptr<const Model>> openModel(std::shared_ptr<const Checkpoint> checkpoint);

}  // namespace quantscope
