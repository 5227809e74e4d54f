// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/job.h"
#include "base/result.h"
#include "kernels/kernel_table.h"
#include "tensor/tensor.h"

namespace quantscope {

/// A weight [n x k] (output channels x input channels) in the order the panels' kernels read, the same for
/// every kernel table. Immutable; copies share the data. Made by FloatGemm::pack.
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

/// Float matrix products Y = X W^T for linear layers: X [m x k], W [n x k], Y [m x n], x.cols ==
/// weights.inputs() (asserted); m = 1 (decoding) to thousands (scoring). Every element is the sum over k in
/// order, one fused multiply-add a step: the same bits on every kernel table, for any m and any number of
/// threads. Runs on the caller's parallel loops (base/parallel_for.h). No state: calls may overlap.
class FloatGemm {
 public:
    /// `kernels` must outlive the object, as the tables of kernelTables() do.
    explicit FloatGemm(const KernelTable& kernels) : m_kernels(&kernels) {}

    /// Reorders a weight once. OutOfMemory when it does not fit, Cancelled when the job was stopped.
    [[nodiscard]] static Result<PackedWeights> pack(const MatrixView& weight, const Job& job = {});

    /// y[i * yStride + j] = sum_k x.at(i, k) W[j][k]. Rows of y are consecutive when yStride = 0 (then it is
    /// weights.outputs()).
    void multiply(const MatrixView& x, const PackedWeights& weights, float* y, int64_t yStride = 0) const;
    /// y += X W^T: the finished sum is added.
    void multiplyOnto(const MatrixView& x, const PackedWeights& weights, float* y, int64_t yStride = 0) const;
    /// The product tile by tile: for what follows it element by element (an activation), which then costs no
    /// pass over memory of its own.
    void multiply(const MatrixView& x, const PackedWeights& weights, const TileSink& sink) const;

 private:
    struct Target {
        float* y;
        int64_t stride;
        bool accumulate;
    };
    void run(const MatrixView& x, const PackedWeights& weights, const Target& target,
             const TileSink* sink) const;

    const KernelTable* m_kernels;
};

}  // namespace quantscope
