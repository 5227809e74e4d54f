// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "io/checkpoint.h"
#include "tensor/mapped_file.h"

namespace quantscope {

using TensorLoader = std::function<Result<Tensor>()>;

/// A tensor's description with the function that makes it: what every reader produces.
struct StoredTensor {
    TensorEntry entry;
    TensorLoader load;
};

/// A checkpoint whose directory has been read and checked; names are unique (asserted).
class CheckpointTable : public Checkpoint {
 public:
    CheckpointTable(std::string format, std::filesystem::path path, std::vector<StoredTensor> tensors,
                    Metadata metadata);

    [[nodiscard]] std::string format() const override { return m_format; }
    [[nodiscard]] const std::filesystem::path& path() const override { return m_path; }
    [[nodiscard]] std::span<const TensorEntry> tensors() const override { return m_entries; }
    [[nodiscard]] const Metadata& metadata() const override { return m_metadata; }
    [[nodiscard]] Result<Tensor> load(std::string_view name) const override;
    [[nodiscard]] const TensorEntry* find(std::string_view name) const override;

 private:
    std::string m_format;
    std::filesystem::path m_path;
    std::vector<TensorEntry> m_entries;
    std::vector<TensorLoader> m_loaders;
    Metadata m_metadata;
    std::unordered_map<std::string_view, size_t> m_byName;
};

/// A loader that refers to `entry.bytes` bytes of the mapping at `offset` (which must lie inside).
TensorLoader mappedLoader(std::shared_ptr<const MappedFile> file, const TensorEntry& entry, uint64_t offset);

/// Malformed, naming the first name that appears twice or is not clean (see isCleanName).
Status checkNames(const std::vector<StoredTensor>& tensors);

}  // namespace quantscope
