// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/matrix_view.h"
#include "base/result.h"
#include "tensor/dtype.h"

namespace quantscope {

/// Bytes somebody keeps alive: an owned vector or a part of a mapped file. Never written after construction.
class Storage {
 public:
    Storage(std::shared_ptr<const void> owner, std::span<const std::byte> bytes)
        : m_owner(std::move(owner)), m_bytes(bytes) {}
    [[nodiscard]] std::span<const std::byte> bytes() const { return m_bytes; }

 private:
    std::shared_ptr<const void> m_owner;
    std::span<const std::byte> m_bytes;
};

/// Dimensions, outermost first (row-major). A linear layer's weight is [out, in]. Empty = scalar.
using Shape = std::vector<int64_t>;

/// Product of the dimensions; nullopt-free because every Tensor has been checked against overflow.
int64_t elementCount(const Shape& shape);
/// "49152 × 576", "scalar".
std::string describe(const Shape& shape);

/// An immutable, shared n-dimensional array. Copies are cheap and refer to the same bytes; the id is a
/// counter, the same for all copies and never reused, and serves as a cache key.
class Tensor {
 public:
    Tensor() = default;  ///< empty F32 tensor of shape [0]

    /// Checks that the shape does not overflow, has no negative dimension, that block types divide the last
    /// dimension, and that the storage holds exactly the bytes needed (InvalidArgument or Malformed
    /// otherwise).
    static Result<Tensor> create(DType dtype, Shape shape, Storage storage);
    /// Owned float data; `values.size()` must equal the shape's element count (asserted).
    static Tensor fromFloats(Shape shape, std::vector<float> values);
    static Tensor fromBytes(DType dtype, Shape shape, std::vector<std::byte> bytes);

    [[nodiscard]] uint64_t id() const { return m_id; }
    [[nodiscard]] DType dtype() const { return m_dtype; }
    [[nodiscard]] const Shape& shape() const { return m_shape; }
    [[nodiscard]] int64_t size() const { return elementCount(m_shape); }
    [[nodiscard]] std::span<const std::byte> bytes() const { return m_storage.bytes(); }
    [[nodiscard]] double bitsPerElement() const { return infoOf(m_dtype).bitsPerElement(); }

    /// As a matrix: the last dimension is the columns, all others together the rows. A vector is one row.
    [[nodiscard]] int64_t rows() const;
    [[nodiscard]] int64_t cols() const;

    /// The elements of an F32 tensor (asserted); zero copy. GGUF and safetensors offsets keep floats aligned;
    /// create() copies those that are not.
    [[nodiscard]] std::span<const float> floats() const;
    [[nodiscard]] MatrixView matrix() const;  ///< of an F32 tensor
    /// Elements of another element type of the same size (asserted).
    template <class T>
    [[nodiscard]] std::span<const T> as() const {
        return {reinterpret_cast<const T*>(bytes().data()), bytes().size() / sizeof(T)};
    }

 private:
    Tensor(DType dtype, Shape shape, Storage storage);

    uint64_t m_id = 0;
    DType m_dtype = DType::F32;
    Shape m_shape = {0};
    Storage m_storage{nullptr, {}};
};

/// Bytes a tensor of this type and shape needs; an error when the product overflows 63 bits, a dimension is
/// negative or a block type does not divide the last dimension.
Result<uint64_t> bytesNeeded(DType dtype, const Shape& shape);

}  // namespace quantscope
