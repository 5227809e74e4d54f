// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>

#include "io/checkpoint_table.h"
#include "io/gguf_parser.h"

namespace quantscope {

/// A tensor's bytes as they lie in the file, with the file's type number.
struct GgufRawTensor {
    uint32_t type = 0;
    std::span<const std::byte> bytes;
};

/// An open GGUF file. Types this program cannot decode are listed (TensorEntry::unsupportedType).
class GgufCheckpoint : public CheckpointTable {
 public:
    GgufCheckpoint(std::shared_ptr<const MappedFile> file, GgufDirectory directory,
                   std::vector<StoredTensor> tensors);

    /// Metadata as stored, in the file's order; valid as long as the checkpoint.
    [[nodiscard]] std::span<const GgufKeyValue> keyValues() const { return m_keyValues; }
    [[nodiscard]] uint64_t alignment() const { return m_alignment; }
    /// Of tensors()[index]; valid as long as the checkpoint.
    [[nodiscard]] GgufRawTensor raw(size_t index) const;

 private:
    std::shared_ptr<const MappedFile> m_file;
    std::vector<GgufKeyValue> m_keyValues;
    std::vector<GgufTensorInfo> m_infos;
    uint64_t m_alignment;
    uint64_t m_dataOffset;
};

/// Reads the directory and checks every tensor: name, shape, alignment of its offset, inside the file,
/// overlapping no other.
Result<std::shared_ptr<const Checkpoint>> openGguf(std::shared_ptr<const MappedFile> file);

}  // namespace quantscope
