// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <map>
#include <memory>
#include <new>
#include <oneapi/dnnl/dnnl.hpp>
#include <utility>
#include <vector>

#include "base/parallel_for.h"
#include "kernels/float_gemm.h"

#define QUANTSCOPE_TEXT_OF(x) #x
#define QUANTSCOPE_TEXT(x) QUANTSCOPE_TEXT_OF(x)

namespace quantscope {

using dnnl::memory;

/// The weight as oneDNN's matmul wants it, in panels of kPanel output channels (the last one narrower): each
/// a [k x panel] matrix in the blocked order its kernel reports.
struct PackedWeights::Data {
    std::vector<memory> panels;
};

namespace {

/// Everything a compiled product depends on.
struct Shape2 {
    int64_t m, n, k, xStride;
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
/// Output channels and rows of one task: operands and result stay in the second-level cache. Each task is one
/// product in one thread, so that a thread that is not scheduled holds up a task, not the team. Depends on
/// nothing but the shape: results are the same for any number of threads.
constexpr int64_t kRowsAtOnce = 128;
constexpr int64_t kPanel = 192;

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
    struct Task;
    void forTasks(const MatrixView& x, const PackedWeights& weights,
                  const std::function<void(const Task&)>& perform);
    void perform(const Task& task, const MatrixView& x, float* target) const;

    dnnl::engine engine{dnnl::engine::kind::cpu, 0};
    std::map<Shape2, Product> products;
    std::map<std::pair<int64_t, int64_t>, memory::desc> layouts;  ///< by n and k

    const memory::desc& panelLayout(int64_t n, int64_t k) {
        const auto known = layouts.find({n, k});
        if (known != layouts.end()) return known->second;
        const OneThread oneThread;
        const dnnl::matmul::primitive_desc description(
            dnnl::matmul::desc(plain(kTypicalRows, k, k), anyLayout(k, n), plain(kTypicalRows, n, n)),
            ownScratch(), engine);
        return layouts.emplace(std::pair{n, k}, description.weights_desc()).first->second;
    }

    /// Reorders the output channels from `first` on. False when memory ran out.
    bool fill(memory& panel, const MatrixView& weight, int64_t first) const {
        try {
            const int64_t rows = std::min(kPanel, weight.rows - first);
            // W^T without moving anything: [k x n] with the strides swapped.
            const memory::desc transposed({weight.cols, rows}, memory::data_type::f32,
                                          memory::dims{1, weight.stride});
            memory source(transposed, engine, const_cast<float*>(weight.row(first)));
            dnnl::stream own(engine);
            dnnl::reorder(source, panel).execute(own, source, panel);
            own.wait();
        } catch (const std::exception&) {
            return false;
        }
        return true;
    }

    const Product& product(const Shape2& shape, const memory::desc& weights) {
        const auto known = products.find(shape);
        if (known != products.end()) return known->second;
        const OneThread oneThread;
        const dnnl::matmul::primitive_desc description(
            dnnl::matmul::desc(plain(shape.m, shape.k, shape.xStride), weights,
                               plain(shape.m, shape.n, shape.n)),
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
        auto data = std::make_shared<PackedWeights::Data>();
        data->panels.resize(static_cast<size_t>((weight.rows + kPanel - 1) / kPanel));
        for (size_t i = 0; i < data->panels.size(); ++i) {
            const int64_t first = static_cast<int64_t>(i) * kPanel;
            const memory::desc layout =
                m_impl->panelLayout(std::min(kPanel, weight.rows - first), weight.cols);
            data->panels[i] = memory(layout, m_impl->engine);
            packed.m_bytes += layout.get_size();
        }
        std::atomic<bool> failed = false;
        parallelFor(static_cast<int64_t>(data->panels.size()), 1, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) {
                if (!m_impl->fill(data->panels[static_cast<size_t>(i)], weight, i * kPanel)) failed = true;
            }
        });
        if (failed) throw std::bad_alloc();
        packed.m_data = std::move(data);
    } catch (const std::exception& error) {
        return fail(ErrorKind::OutOfMemory,
                    std::string("a weight could not be laid out for the matrix product: ") + error.what());
    }
    return packed;
}

struct FloatGemm::Impl::Task {
    const Product* product;
    const memory* panel;
    int64_t firstRow, rows, firstColumn, columns;
};

/// Calls perform(task) for every panel and run of rows, in parallel.
void FloatGemm::Impl::forTasks(const MatrixView& x, const PackedWeights& weights,
                               const std::function<void(const Task&)>& perform) {
    const std::vector<memory>& panels = weights.m_data->panels;
    const auto productFor = [&](int64_t rows, const memory& panel) {
        // A single row's stride is never used; one key for all of them.
        const int64_t width = panel.get_desc().dims()[1];
        return &product({rows, width, x.cols, rows == 1 ? x.cols : x.stride}, panel.get_desc());
    };
    const int64_t full = std::min(x.rows, kRowsAtOnce);
    const int64_t rest = x.rows % kRowsAtOnce == 0 ? kRowsAtOnce : x.rows % kRowsAtOnce;
    const int64_t blocks = (x.rows + kRowsAtOnce - 1) / kRowsAtOnce;
    // By whether the panel and the rows are the last ones.
    const std::array<std::array<const Product*, 2>, 2> compiled{
        {{productFor(full, panels.front()), productFor(rest, panels.front())},
         {productFor(full, panels.back()), productFor(rest, panels.back())}}};
    const auto count = static_cast<int64_t>(panels.size());
    parallelFor(count * blocks, 1, [&](int64_t index, int64_t) {
        const int64_t panel = index / blocks;
        const int64_t block = index % blocks;
        const bool lastPanel = panel + 1 == count;
        const bool lastRows = block + 1 == blocks;
        perform({compiled[lastPanel ? 1 : 0][lastRows ? 1 : 0], &panels[static_cast<size_t>(panel)],
                 block * kRowsAtOnce, lastRows ? rest : kRowsAtOnce, panel * kPanel,
                 lastPanel ? weights.outputs() - panel * kPanel : kPanel});
    });
}

/// One product in the calling thread; `target` has consecutive rows, the only form oneDNN's fast kernels
/// write.
void FloatGemm::Impl::perform(const Task& task, const MatrixView& x, float* target) const {
    memory source(plain(task.rows, x.cols, task.rows == 1 ? x.cols : x.stride), engine,
                  const_cast<float*>(x.row(task.firstRow)));
    memory destination(plain(task.rows, task.columns, task.columns), engine, target);
    memory scratch(task.product->scratch, engine);
    dnnl::stream stream(engine);
    task.product->run.execute(stream, {{DNNL_ARG_SRC, source},
                                       {DNNL_ARG_WEIGHTS, *task.panel},
                                       {DNNL_ARG_DST, destination},
                                       {DNNL_ARG_SCRATCHPAD, scratch}});
    stream.wait();
}

void FloatGemm::multiply(const MatrixView& x, const PackedWeights& weights, const TileSink& sink) {
    assert(x.cols == weights.inputs() && x.cols > 0);
    if (x.rows == 0 || weights.outputs() == 0) return;
    m_impl->forTasks(x, weights, [&](const Impl::Task& task) {
        const auto tile =
            std::make_unique_for_overwrite<float[]>(static_cast<size_t>(task.rows * task.columns));
        m_impl->perform(task, x, tile.get());
        sink({task.firstRow, task.rows, task.firstColumn, task.columns, tile.get()});
    });
}

void FloatGemm::multiply(const MatrixView& x, const PackedWeights& weights, float* y, int64_t yStride) {
    assert(x.cols == weights.inputs());
    const int64_t n = weights.outputs();
    if (yStride == 0) yStride = n;
    if (x.cols == 0) {
        for (int64_t i = 0; i < x.rows; ++i) std::fill(y + i * yStride, y + i * yStride + n, 0.0F);
        return;
    }
    if (x.rows > 1 && (n > kPanel || yStride != n)) {
        return multiply(x, weights, [&](const ProductTile& tile) {
            for (int64_t row = 0; row < tile.rows; ++row) {
                std::copy_n(tile.values + row * tile.columns, tile.columns,
                            y + (tile.firstRow + row) * yStride + tile.firstColumn);
            }
        });
    }
    if (x.rows == 0 || n == 0) return;
    m_impl->forTasks(x, weights, [&](const Impl::Task& task) {
        m_impl->perform(task, x, y + task.firstRow * yStride + task.firstColumn);
    });
}

}  // namespace quantscope
