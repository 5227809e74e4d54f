// SPDX-License-Identifier: Apache-2.0
#include <Eigen/Core>
#include <cassert>
#include <new>
#include <utility>
#include <vector>

#include "base/parallel_for.h"
#include "kernels/float_gemm.h"

namespace quantscope {

/// Eigen packs inside every product; only the rows are made consecutive here.
struct PackedWeights::Data {
    std::vector<float> weights;
};

struct FloatGemm::Impl {};

FloatGemm::FloatGemm() : m_impl(std::make_unique<Impl>()) {}
FloatGemm::~FloatGemm() = default;
FloatGemm::FloatGemm(FloatGemm&&) noexcept = default;
FloatGemm& FloatGemm::operator=(FloatGemm&&) noexcept = default;

std::string_view FloatGemm::library() {
    return "Eigen 3";
}

Result<PackedWeights> FloatGemm::pack(const MatrixView& weight) {
    PackedWeights packed;
    packed.m_outputs = weight.rows;
    packed.m_inputs = weight.cols;
    packed.m_bytes = static_cast<uint64_t>(weight.size()) * sizeof(float);
    try {
        auto data = std::make_shared<PackedWeights::Data>();
        data->weights.reserve(static_cast<size_t>(weight.size()));
        for (int64_t r = 0; r < weight.rows; ++r) {
            data->weights.insert(data->weights.end(), weight.row(r), weight.row(r) + weight.cols);
        }
        packed.m_data = std::move(data);
    } catch (const std::bad_alloc&) {
        return fail(ErrorKind::OutOfMemory, "a weight does not fit into memory twice");
    }
    return packed;
}

void FloatGemm::multiply(const MatrixView& x, const PackedWeights& weights, float* y, int64_t yStride) {
    assert(x.cols == weights.inputs());
    using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    using Strided = Eigen::Map<const Matrix, 0, Eigen::OuterStride<>>;
    const int64_t n = weights.outputs();
    if (yStride == 0) yStride = n;
    const Strided source(x.data, x.rows, x.cols, Eigen::OuterStride<>(x.stride));
    // Output channels are dealt out in ranges, so that the threads are those of every other parallel loop.
    constexpr int64_t kChannels = 192;
    parallelFor(n, kChannels, [&](int64_t begin, int64_t end) {
        const Strided part(weights.m_data->weights.data() + begin * x.cols, end - begin, x.cols,
                           Eigen::OuterStride<>(x.cols));
        Eigen::Map<Matrix, 0, Eigen::OuterStride<>> destination(y + begin, x.rows, end - begin,
                                                                Eigen::OuterStride<>(yStride));
        destination.noalias() = source * part.transpose();
    });
}

void FloatGemm::multiply(const MatrixView& x, const PackedWeights& weights, const TileSink& sink) {
    const int64_t n = weights.outputs();
    std::vector<float> y(static_cast<size_t>(x.rows * n));
    multiply(x, weights, y.data());
    parallelFor(x.rows, 16, [&](int64_t begin, int64_t end) {
        sink({begin, end - begin, 0, n, y.data() + begin * n});
    });
}

}  // namespace quantscope
