// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "tensor/tensor.h"

namespace quantscope {

/// What a checkpoint says about one tensor without reading its data.
struct TensorEntry {
    std::string name;
    DType dtype = DType::F32;
    Shape shape;         ///< outermost first, whatever order the file uses
    uint64_t bytes = 0;  ///< of the data in the file
    /// The file's name for a type outside DType ("IQ2_XS"), else empty. Such a tensor is listed, its dtype
    /// means nothing and load() is Unsupported.
    std::string unsupportedType = {};
    bool operator==(const TensorEntry&) const = default;
};

/// A metadata value of a file (GGUF key-values, safetensors __metadata__).
using MetadataValue = std::variant<bool, int64_t, uint64_t, double, std::string, std::vector<int64_t>,
                                   std::vector<double>, std::vector<std::string>>;
using Metadata = std::map<std::string, MetadataValue, std::less<>>;

/// An open file, or folder of files, with tensors. Opening reads headers only; load() maps the data and
/// copies nothing where the alignment allows. Safe to use from several threads.
class Checkpoint {
 public:
    virtual ~Checkpoint() = default;

    /// "GGUF v3", "safetensors", "safetensors (4 shards)", "npy", ...
    [[nodiscard]] virtual std::string format() const = 0;
    /// What was opened: the file, or the folder of a sharded model.
    [[nodiscard]] virtual const std::filesystem::path& path() const = 0;
    /// In the file's order.
    [[nodiscard]] virtual std::span<const TensorEntry> tensors() const = 0;
    [[nodiscard]] virtual const Metadata& metadata() const = 0;
    /// In the stored dtype (block types included). NotFound if there is no such tensor.
    [[nodiscard]] virtual Result<Tensor> load(std::string_view name) const = 0;

    /// Null if there is no such tensor.
    [[nodiscard]] virtual const TensorEntry* find(std::string_view name) const;
};

/// Opens by content, not by file name: GGUF, safetensors, sharded index, npy, npz, csv; a folder with
/// config.json and safetensors opens as one checkpoint.
Result<std::shared_ptr<const Checkpoint>> openCheckpoint(const std::filesystem::path& path);

}  // namespace quantscope
