// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "tensor/tensor.h"

namespace quantscope {

/// A weight [n x k] (output channels x input channels) in the order the product likes best. Immutable; copies
/// share the data. Made by FloatGemm::pack, usable with any FloatGemm.
class PackedWeights {
 public:
    PackedWeights() = default;
    [[nodiscard]] int64_t outputs() const { return m_outputs; }
    [[nodiscard]] int64_t inputs() const { return m_inputs; }
    [[nodiscard]] uint64_t bytes() const { return m_bytes; }

 private:
    friend class FloatGemm;
    struct Data;
    int64_t m_outputs = 0;
    int64_t m_inputs = 0;
    uint64_t m_bytes = 0;
    std::shared_ptr<const Data> m_data;
};

/// A finished part of a product, still in the cache: y(firstRow + i, firstColumn + j) = values[i * columns +
/// j].
struct ProductTile {
    int64_t firstRow = 0;
    int64_t rows = 0;
    int64_t firstColumn = 0;
    int64_t columns = 0;
    const float* values = nullptr;
};
/// Takes each tile once, on the thread that made it, in any order.
using TileSink = std::function<void(const ProductTile& tile)>;

/// Float matrix products Y = X W^T for linear layers: X [m x k], W [n x k], Y [m x n]. Through oneDNN where
/// it was found at build time, Eigen otherwise. Runs on the threads of the caller's parallel loops (see
/// limitThreadsOfCaller). Keeps compiled primitives by shape; no state outside the object. One thread at a
/// time may call an object; several objects may work at once.
class FloatGemm {
 public:
    FloatGemm();
    ~FloatGemm();
    FloatGemm(FloatGemm&&) noexcept;
    FloatGemm& operator=(FloatGemm&&) noexcept;

    /// "oneDNN 2.6" or "Eigen 3".
    static std::string_view library();

    /// Reorders a weight once. OutOfMemory when it does not fit.
    Result<PackedWeights> pack(const MatrixView& weight);

    /// y[i * yStride + j] = sum_k x.at(i, k) W[j][k]; x.cols == weights.inputs() (asserted). m = 1 (decoding)
    /// to thousands (scoring). Rows of y are consecutive when yStride = 0 (then it is weights.outputs()).
    void multiply(const MatrixView& x, const PackedWeights& weights, float* y, int64_t yStride = 0);
    /// The same, handed over tile by tile: for what follows a product element by element (a residual sum, an
    /// activation), which then costs no pass over memory of its own.
    void multiply(const MatrixView& x, const PackedWeights& weights, const TileSink& sink);

 private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

}  // namespace quantscope
