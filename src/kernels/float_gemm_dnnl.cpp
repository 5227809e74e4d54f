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
    auto operator<=>(const Shape2&) const = default;
};

memory::desc plain(int64_t rows, int64_t cols, int64_t rowStride) {
    return {{rows, cols}, memory::data_type::f32, memory::dims{rowStride, 1}};
}

memory::desc anyLayout(int64_t rows, int64_t cols) {
    return {{rows, cols}, memory::data_type::f32, memory::format_tag::any};
}

/// Threads share a compiled product, so each brings the working memory.
dnnl::primitive_attr ownScratch() {
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    return attributes;
}

struct Product {
    dnnl::matmul run;
    memory::desc scratch;
};

/// Rows for which the weight's layout is chosen; oneDNN then takes that layout for any other number of rows.
constexpr int64_t kTypicalRows = 128;
/// Rows of one task. Each task is one product in one thread, so that a thread that is not scheduled holds up
/// a task, not the team. Depends on nothing but the shape: results are the same for any number of threads.
constexpr int64_t kRowsAtOnce = 128;

/// One thread for oneDNN while a product is compiled, as it will run.
class OneThread {
 public:
    OneThread() : m_threads(threadCount()) { limitThreadsOfCaller(1); }
    ~OneThread() { limitThreadsOfCaller(m_threads); }
    OneThread(const OneThread&) = delete;
    OneThread& operator=(const OneThread&) = delete;

 private:
    int m_threads;
};

}  // namespace

struct FloatGemm::Impl {
    dnnl::engine engine{dnnl::engine::kind::cpu, 0};
    dnnl::stream stream{engine};
    std::map<Shape2, Product> products;

    const Product& product(const Shape2& shape, const memory::desc& weights) {
        const auto known = products.find(shape);
        if (known != products.end()) return known->second;
        const OneThread oneThread;
        const dnnl::matmul::primitive_desc description(
            dnnl::matmul::desc(plain(shape.m, shape.k, shape.xStride), weights,
                               plain(shape.m, shape.n, shape.yStride)),
            ownScratch(), engine);
        return products.emplace(shape, Product{dnnl::matmul(description), description.scratchpad_desc()})
            .first->second;
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
        const auto description = [&] {
            const OneThread oneThread;
            return dnnl::matmul::primitive_desc(
                dnnl::matmul::desc(plain(kTypicalRows, weight.cols, weight.cols),
                                   anyLayout(weight.cols, weight.rows),
                                   plain(kTypicalRows, weight.rows, weight.rows)),
                ownScratch(), m_impl->engine);
        }();
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
    const auto productFor = [&](int64_t rows) -> const Product& {
        return m_impl->product({rows, n, x.cols, xStride, yStride}, packed.get_desc());
    };
    const Product& full = productFor(std::min(m, kRowsAtOnce));
    const Product& last = m % kRowsAtOnce == 0 ? full : productFor(m % kRowsAtOnce);
    parallelFor(m, kRowsAtOnce, [&](int64_t begin, int64_t end) {
        const Product& product = end - begin == kRowsAtOnce ? full : last;
        const dnnl::engine& engine = m_impl->engine;
        memory source(plain(end - begin, x.cols, xStride), engine, const_cast<float*>(x.row(begin)));
        memory destination(plain(end - begin, n, yStride), engine, y + begin * yStride);
        memory scratch(product.scratch, engine);
        dnnl::stream stream(engine);
        product.run.execute(stream, {{DNNL_ARG_SRC, source},
                                     {DNNL_ARG_WEIGHTS, packed},
                                     {DNNL_ARG_DST, destination},
                                     {DNNL_ARG_SCRATCHPAD, scratch}});
        stream.wait();
    });
}

}  // namespace quantscope
