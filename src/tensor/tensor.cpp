// SPDX-License-Identifier: Apache-2.0
#include "tensor/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <atomic>
#include <cassert>
#include <cstring>
#include <limits>

namespace quantscope {
namespace {

uint64_t nextId() {
    static std::atomic<uint64_t> counter{0};
    return ++counter;
}

Storage ownedStorage(std::vector<std::byte> bytes) {
    auto owner = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
    const std::span<const std::byte> view(*owner);
    return {std::move(owner), view};
}

bool aligned(const DTypeInfo& info, std::span<const std::byte> bytes) {
    const auto need = info.isBlock() ? 1U : static_cast<unsigned>(info.blockBytes);
    return reinterpret_cast<uintptr_t>(bytes.data()) % need == 0;
}

}  // namespace

int64_t elementCount(const Shape& shape) {
    int64_t count = 1;
    for (const int64_t dim : shape) count *= dim;
    return count;
}

std::string describe(const Shape& shape) {
    return shape.empty() ? "scalar" : fmt::format("{}", fmt::join(shape, " × "));
}

Result<uint64_t> bytesNeeded(DType dtype, const Shape& shape) {
    constexpr uint64_t kLimit = std::numeric_limits<int64_t>::max() / 16;
    const DTypeInfo& info = infoOf(dtype);
    uint64_t count = 1;
    bool empty = false;
    for (const int64_t dim : shape) {
        if (dim < 0) return fail(ErrorKind::Malformed, fmt::format("negative dimension {}", dim), "shape");
        if (dim == 0) empty = true;
        const auto factor = static_cast<uint64_t>(dim == 0 ? 1 : dim);
        if (count > kLimit / factor)
            return fail(ErrorKind::Malformed, fmt::format("{} elements overflow", describe(shape)), "shape");
        count *= factor;
    }
    if (empty) return uint64_t{0};
    const int64_t last = shape.empty() ? 1 : shape.back();
    if (last % info.blockElements != 0) {
        return fail(ErrorKind::Malformed,
                    fmt::format("last dimension {} is not a multiple of {}'s block of {}", last, info.name,
                                info.blockElements),
                    "shape");
    }
    return count / static_cast<uint64_t>(info.blockElements) * static_cast<uint64_t>(info.blockBytes);
}

Tensor::Tensor(DType dtype, Shape shape, Storage storage)
    : m_id(nextId()), m_dtype(dtype), m_shape(std::move(shape)), m_storage(std::move(storage)) {}

Result<Tensor> Tensor::create(DType dtype, Shape shape, Storage storage) {
    const auto needed = bytesNeeded(dtype, shape);
    if (!needed) return fail(needed.error());
    if (storage.bytes().size() != *needed) {
        return fail(ErrorKind::Malformed,
                    fmt::format("{} of {} needs {} bytes, {} given", describe(shape), infoOf(dtype).name,
                                *needed, storage.bytes().size()),
                    "data");
    }
    if (!aligned(infoOf(dtype), storage.bytes()))
        storage = ownedStorage({storage.bytes().begin(), storage.bytes().end()});
    return Tensor(dtype, std::move(shape), std::move(storage));
}

Tensor Tensor::fromFloats(Shape shape, std::vector<float> values) {
    assert(static_cast<int64_t>(values.size()) == elementCount(shape));
    auto owner = std::make_shared<const std::vector<float>>(std::move(values));
    const auto bytes = std::as_bytes(std::span(*owner));
    return {DType::F32, std::move(shape), Storage(std::move(owner), bytes)};
}

Tensor Tensor::fromBytes(DType dtype, Shape shape, std::vector<std::byte> bytes) {
    assert(bytesNeeded(dtype, shape).value() == bytes.size());
    return {dtype, std::move(shape), ownedStorage(std::move(bytes))};
}

int64_t Tensor::cols() const {
    return m_shape.empty() ? 1 : m_shape.back();
}

int64_t Tensor::rows() const {
    int64_t rows = 1;
    for (size_t i = 0; i + 1 < m_shape.size(); ++i) rows *= m_shape[i];
    return rows;
}

std::span<const float> Tensor::floats() const {
    assert(m_dtype == DType::F32);
    return as<float>();
}

MatrixView Tensor::matrix() const {
    return {floats().data(), rows(), cols(), cols()};
}

}  // namespace quantscope
