// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cassert>
#include <map>
#include <new>
#include <oneapi/dnnl/dnnl.hpp>
#include <utility>

#include "base/parallel_for.h"
#include "kernels/float_gemm.h"

#define QUANTSCOPE_TEXT_OF(x) #x
#define QUANTSCOPE_TEXT(x) QUANTSCOPE_TEXT_OF(x)

namespace quantscope {

using dnnl::memory;

/// The weight as oneDNN's matmul wants it: a [k x n] matrix in the blocked order its kernel reports.
struct PackedWeights::Data {
    dnnl::engine engine;
    memory weights;
};

namespace {

/// Everything a compiled product depends on.
struct Shape2 {
    int64_t m, n, k, xStride, yStride;
    int threads;
    auto operator<=>(const Shape2&) const = default;
};

memory::desc plain(int64_t rows, int64_t cols, int64_t rowStride) {
    return {{rows, cols}, memory::data_type::f32, memory::dims{rowStride, 1}};
}

memory::desc anyLayout(int64_t rows, int64_t cols) {
    return {{rows, cols}, memory::data_type::f32, memory::format_tag::any};
}

/// Rows for which the weight's layout is chosen; oneDNN then takes that layout for any other number of rows.
constexpr int64_t kTypicalRows = 512;

}  // namespace

struct FloatGemm::Impl {
    dnnl::engine engine{dnnl::engine::kind::cpu, 0};
    dnnl::stream stream{engine};
    std::map<Shape2, dnnl::matmul> products;

    const dnnl::matmul& product(const Shape2& shape, const memory::desc& weights) {
        const auto known = products.find(shape);
        if (known != products.end()) return known->second;
        const dnnl::matmul::primitive_desc description(
            dnnl::matmul::desc(plain(shape.m, shape.k, shape.xStride), weights,
                               plain(shape.m, shape.n, shape.yStride)),
            engine);
        return products.emplace(shape, dnnl::matmul(description)).first->second;
    }
};

FloatGemm::FloatGemm() : m_impl(std::make_unique<Impl>()) {}
FloatGemm::~FloatGemm() = default;
FloatGemm::FloatGemm(FloatGemm&&) noexcept = default;
FloatGemm& FloatGemm::operator=(FloatGemm&&) noexcept = default;

std::string_view FloatGemm::library() {
    return "oneDNN " QUANTSCOPE_TEXT(DNNL_VERSION_MAJOR) "." QUANTSCOPE_TEXT(DNNL_VERSION_MINOR);
}

Result<PackedWeights> FloatGemm::pack(const MatrixView& weight) {
    PackedWeights packed;
    packed.m_outputs = weight.rows;
    packed.m_inputs = weight.cols;
    if (weight.rows == 0 || weight.cols == 0) return packed;
    try {
        const dnnl::matmul::primitive_desc description(
            dnnl::matmul::desc(plain(kTypicalRows, weight.cols, weight.cols),
                               anyLayout(weight.cols, weight.rows),
                               plain(kTypicalRows, weight.rows, weight.rows)),
            m_impl->engine);
        // W^T without moving anything: [k x n] with the strides swapped.
        const memory::desc transposed({weight.cols, weight.rows}, memory::data_type::f32,
                                      memory::dims{1, weight.stride});
        memory source(transposed, m_impl->engine, const_cast<float*>(weight.data));
        auto data = std::make_shared<PackedWeights::Data>();
        data->engine = m_impl->engine;
        data->weights = memory(description.weights_desc(), m_impl->engine);
        dnnl::reorder(source, data->weights).execute(m_impl->stream, source, data->weights);
        m_impl->stream.wait();
        packed.m_bytes = description.weights_desc().get_size();
        packed.m_data = std::move(data);
    } catch (const std::exception& error) {
        return fail(ErrorKind::OutOfMemory,
                    std::string("a weight could not be laid out for the matrix product: ") + error.what());
    }
    return packed;
}

void FloatGemm::multiply(const MatrixView& x, const PackedWeights& weights, float* y, int64_t yStride) {
    assert(x.cols == weights.inputs());
    const int64_t m = x.rows;
    const int64_t n = weights.outputs();
    if (yStride == 0) yStride = n;
    if (m == 0 || n == 0) return;
    if (x.cols == 0) {
        for (int64_t i = 0; i < m; ++i) std::fill(y + i * yStride, y + i * yStride + n, 0.0F);
        return;
    }
    const memory& packed = weights.m_data->weights;
    // A single row's stride is never used; one key for all of them.
    const int64_t xStride = m == 1 ? x.cols : x.stride;
    if (m == 1) yStride = n;
    const dnnl::matmul& product =
        m_impl->product({m, n, x.cols, xStride, yStride, threadCount()}, packed.get_desc());
    memory source(plain(m, x.cols, xStride), m_impl->engine, const_cast<float*>(x.data));
    memory destination(plain(m, n, yStride), m_impl->engine, y);
    product.execute(m_impl->stream,
                    {{DNNL_ARG_SRC, source}, {DNNL_ARG_WEIGHTS, packed}, {DNNL_ARG_DST, destination}});
    m_impl->stream.wait();
}

}  // namespace quantscope
