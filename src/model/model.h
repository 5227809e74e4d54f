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
#include "methods/interface/layer_role.h"
#include "model/architectures/architecture.h"
#include "model/config.h"
#include "model/tokenizer/tokenizer.h"
#include "tensor/tensor.h"

namespace quantscope {

/// One linear layer: Y = X W^T + b with W [outFeatures x inFeatures]. Layers with the same block and input
/// point read the same X.
struct LinearInfo {
    std::string name;   ///< canonical: "blk.3.ffn_down", "output"
    int64_t block = 0;  ///< -1 for the head
    LayerRole role = LayerRole::Other;
    int inputPoint = 0;       ///< index into Model::inputPoints(block)
    std::string inputName;    ///< that point's name: "ffn_down"; empty for the head
    bool firstReader = true;  ///< the first of the layers that read the point: to see X once, look here
    int64_t expert = -1;      ///< which expert of a mixture it belongs to; -1: it runs for every token
    int64_t outFeatures = 0;
    int64_t inFeatures = 0;
    std::string tensorName;  ///< in the file: "blk.3.ffn_down.weight", "model.layers.3.mlp.down_proj.weight"
    std::string biasName;    ///< of b, likewise; empty = the layer has none
    DType dtype = DType::F32;  ///< as stored
    uint64_t bytes = 0;        ///< as stored
};

/// A language model: its shape and its lazy weights. Nothing is read before it is asked for; immutable, and
/// safe to use from several threads. Canonical names follow GGUF: token_embd, blk.N.attn_norm, blk.N.attn_q
/// and what else the architecture lists for a block, output_norm, output.
class Model {
 public:
    virtual ~Model() = default;

    [[nodiscard]] virtual const ModelConfig& config() const = 0;
    /// The family it belongs to.
    [[nodiscard]] virtual const Architecture& architecture() const = 0;
    [[nodiscard]] virtual const std::string& path() const = 0;
    /// The blocks' layers in running order, then the head ("output", also when it is tied).
    [[nodiscard]] virtual std::span<const LinearInfo> linears() const = 0;
    /// A linear layer's weight as F32 [out x in]. NotFound; Malformed for NaN-free reasons the file states.
    [[nodiscard]] virtual Result<Tensor> linearWeight(std::string_view name, const Job& job = {}) const = 0;
    /// Any weight as F32 by canonical name without ".weight": "blk.0.attn_norm", "token_embd", "output_norm".
    /// Biases by that of their layer and ".bias": "blk.0.attn_q.bias".
    [[nodiscard]] virtual Result<Tensor> weight(std::string_view name) const = 0;
    /// The same as it is stored, block types included; nothing is copied.
    [[nodiscard]] virtual Result<Tensor> storedWeight(std::string_view name) const = 0;
    /// NotFound when the file has none.
    [[nodiscard]] virtual Result<std::shared_ptr<const Tokenizer>> tokenizer() const = 0;
    /// Bytes of all weights as stored.
    [[nodiscard]] virtual uint64_t storedBytes() const = 0;

    /// A linear layer's bias, F32 [out]; an empty tensor where it has none.
    [[nodiscard]] Result<Tensor> bias(const LinearInfo& layer) const;
    [[nodiscard]] const LinearInfo* findLinear(std::string_view name) const;
    /// The layers of a block, in running order: as many as its architecture has.
    [[nodiscard]] std::span<const LinearInfo> blockLinears(int64_t block) const;
    /// Where the layers of a block take their inputs, in running order.
    [[nodiscard]] std::span<const InputPointInfo> inputPoints(int64_t block) const;
    /// Position in linears() of a layer of this model (asserted).
    [[nodiscard]] size_t linearIndex(const LinearInfo& layer) const;
    /// How many layers all blocks up to and including this one have (-1: none): the position in linears() of
    /// the next block's first.
    [[nodiscard]] size_t linearsUntil(int64_t block) const;
    [[nodiscard]] const LinearInfo& head() const;
};

/// Opens a GGUF file or a Hugging Face folder (config.json, *.safetensors, tokenizer.json). Reads headers and
/// checks that every tensor is there with the shape the configuration asks for.
Result<std::shared_ptr<const Model>> openModel(const std::filesystem::path& path);

/// The same on a checkpoint that is open already.
Result<std::shared_ptr<const Model>> openModel(std::shared_ptr<const Checkpoint> checkpoint);

}  // namespace quantscope
