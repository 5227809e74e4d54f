// SPDX-License-Identifier: Apache-2.0
#include "app/pipelines/matmul_pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "analysis/product/product_sums.h"
#include "app/experiment/json_reader.h"

namespace quantscope {
namespace {

using Clock = std::chrono::steady_clock;

/// Captured inputs depend on what they were computed with.
struct PairKey {
    MatmulSource source;
    Arithmetic arithmetic;
    bool operator==(const PairKey&) const = default;
    [[nodiscard]] size_t hash() const {
        return hashOfAll(source.x, source.w, source.inputsByOutputs, arithmetic);
    }
};

/// The first `rows` rows.
Tensor firstRows(const Tensor& matrix, int64_t rows) {
    if (matrix.rows() <= rows) return matrix;
    const auto values = matrix.floats().first(static_cast<size_t>(rows * matrix.cols()));
    return Tensor::fromFloats({rows, matrix.cols()}, {values.begin(), values.end()});
}

Tensor transposed(const MatrixView& matrix) {
    std::vector<float> turned;
    turned.reserve(static_cast<size_t>(matrix.size()));
    for (int64_t c = 0; c < matrix.cols; ++c)
        for (int64_t r = 0; r < matrix.rows; ++r) turned.push_back(matrix.at(r, c));
    return Tensor::fromFloats({matrix.cols, matrix.rows}, std::move(turned));
}

uint64_t bytesOf(const QuantizedProduct& product) {
    uint64_t bytes = 2 * (product.x.codes.size() + product.w.codes.size()) + 4 * product.output.size() + 4096;
    for (const ProductSegment& segment : product.segments)
        bytes += 4 * (segment.sums.size() + segment.xSums.size() + segment.wSums.size());
    return bytes + 4 * (product.x.values.size() + product.w.values.size());
}

}  // namespace

/// Both matrices as they are multiplied, and their exact product.
struct MatmulPipeline::Pair {
    std::string xTitle;
    std::string wTitle;
    Tensor x;
    Tensor w;
    int64_t allRows = 0;
    int64_t allChannels = 0;
    std::shared_ptr<const std::vector<float>> exact;

    [[nodiscard]] int64_t calibrationRows() const { return std::max<int64_t>(1, x.rows() / 2); }
    [[nodiscard]] ProductInput input(const Variant& variant, const ProductSides& sides) const {
        ProductInput input;
        input.x = sides.x.matrix();
        input.w = sides.w.matrix();
        input.methodWeights = sides.codes;
        input.weights = variant.weights.scheme;
        input.activations = variant.activations.value_or(ActivationRecipe{floatScheme()});
        input.calibrationRows = calibrationRows();
        input.exact = exact;
        return input;
    }
};

struct MatmulPipeline::ProductKey {
    uint64_t x = 0;  ///< Tensor::id()
    uint64_t w = 0;
    Variant variant;  ///< without its name
    Arithmetic arithmetic;
    bool operator==(const ProductKey&) const = default;
    [[nodiscard]] size_t hash() const { return hashOfAll(x, w, variant, arithmetic); }
};

struct MatmulPipeline::SidesKey {
    ProductKey product;  ///< without activations
    bool operator==(const SidesKey&) const = default;
    [[nodiscard]] size_t hash() const { return hashOfAll(product, 1); }
};

struct MatmulPipeline::RequantizedKey {
    ProductKey product;
    bool relu = false;
    bool operator==(const RequantizedKey&) const = default;
    [[nodiscard]] size_t hash() const { return hashOfAll(product, relu); }
};

struct MatmulPipeline::CostsKey {
    ProductKey product;
    int measurement = 0;  ///< another number measures again
    bool operator==(const CostsKey&) const = default;
    [[nodiscard]] size_t hash() const { return hashOfAll(product, measurement); }
};

MatmulPipeline::ProductKey MatmulPipeline::keyOf(const Pair& both, const Variant& variant) const {
    ProductKey key{both.x.id(), both.w.id(), variant, arithmeticOf(m_kernels.table())};
    key.variant.name.clear();
    return key;
}

MatmulPipeline::MatmulPipeline(SourceLibrary& sources, KernelsInUse kernels, uint64_t cacheBytes)
    : m_sources(sources), m_kernels(kernels), m_cache(cacheBytes) {}

Result<std::shared_ptr<const MatmulPipeline::Pair>> MatmulPipeline::pair(const MatmulSource& source,
                                                                         const Job& job) {
    const PairKey key{source, arithmeticOf(m_kernels.table())};
    if (auto found = m_cache.find<Pair>(key)) return found;
    auto x = m_sources.matrix(source.x, job.part(0, 0.4));
    if (!x) return fail(x.error());
    auto w = m_sources.matrix(source.w, job.part(0.4, 0.6));
    if (!w) return fail(w.error());
    if (source.inputsByOutputs) w->values = transposed(w->values.matrix());
    auto made = std::make_shared<Pair>();
    made->xTitle = x->title;
    made->wTitle = w->title;
    made->allRows = x->values.rows();
    made->allChannels = w->values.rows();
    made->x = firstRows(x->values, kMostProductRows);
    made->w = firstRows(w->values, kMostProductChannels);
    if (made->x.cols() == made->w.cols()) {  // otherwise every variant says what does not fit
        auto exact = exactProduct(made->x.matrix(), made->w.matrix(), job.part(0.6, 1));
        if (!exact) return fail(exact.error());
        made->exact = std::make_shared<const std::vector<float>>(std::move(*exact));
    }
    const uint64_t bytes =
        made->x.bytes().size() + made->w.bytes().size() + 4 * (made->exact ? made->exact->size() : 0);
    return m_cache.put<Pair>(key, std::move(made), bytes);
}

void MatmulPipeline::addLayers(const ModelSource& model, MatmulResults& results) {
    if (model.modelPath.empty()) return;
    const auto opened = m_sources.model(model.modelPath);
    if (!opened) return;  // the lab shows what it has; opening the model says what is wrong with it
    for (const LinearInfo& layer : (*opened)->linears())
        if (layer.block >= 0) results.layers.push_back(layer);
}

void MatmulPipeline::run(const LabRequest& request, uint64_t sequence, std::stop_token stop,
                         const Deliver& deliver, ProgressSink progress) {
    const Experiment& experiment = request.experiment;
    const MatmulPart part = experiment.part<MatmulPart>();
    const MatmulView look = request.views.get<MatmulView>();
    const Job job(std::move(stop), std::move(progress));
    const auto start = Clock::now();
    auto results = std::make_shared<MatmulResults>();
    results->request = experiment;
    results->views = request.views;
    results->sequence = sequence;
    results->complete = true;
    addLayers(experiment.model, *results);
    const auto loaded = pair(part.source, job.part(0, 0.3));
    if (!loaded) {
        if (loaded.error().kind == ErrorKind::Cancelled) return;
        results->error = loaded.error();
        summarize(*results);
        return deliver(std::move(results));
    }
    const Pair& both = **loaded;
    results->xTitle = both.xTitle;
    results->wTitle = both.wTitle;
    results->x = both.x;
    results->w = both.w;
    results->allRows = both.allRows;
    results->allChannels = both.allChannels;
    for (const Variant& variant : part.products) {
        addVariant(both, variant, part.relu, job.part(0.3, 0.9), *results);
        const auto& error = results->variants.back().error;
        if (error && error->kind == ErrorKind::Cancelled) return;
    }
    const auto last = static_cast<int>(results->variants.size()) - 1;
    results->variant = std::clamp(look.variant, 0, last);
    const ProductVariantResult& shown = results->variants[static_cast<size_t>(results->variant)];
    if (shown.product) {
        const QuantizedProduct& p = *shown.product;
        results->trace = std::make_shared<const ProductTrace>(
            traceCell(p, shown.x.matrix(), shown.w.matrix(), std::clamp<int64_t>(look.row, 0, p.rows - 1),
                      std::clamp<int64_t>(look.channel, 0, p.channels - 1), shown.requantized.get()));
    }
    results->seconds = std::chrono::duration<double>(Clock::now() - start).count();
    summarize(*results);
    const int measurement = look.measurement;
    if (measurement == 0 || !shown.product) return deliver(std::move(results));
    results->complete = false;
    deliver(results);
    auto measured = std::make_shared<MatmulResults>(*results);
    measured->complete = true;
    auto made = costs(both, shown, measurement, job.part(0.9, 1));
    if (made)
        measured->costs = std::move(*made);
    else if (made.error().kind == ErrorKind::Cancelled)
        return;
    else
        measured->costsError = made.error();
    deliver(std::move(measured));
}

void MatmulPipeline::addVariant(const Pair& both, const Variant& variant, bool relu, const Job& job,
                                MatmulResults& results) {
    ProductVariantResult result;
    result.variant = variant;
    result.title = variantTitle(variant);
    const auto multiplied = sides(both, variant, job);
    auto made = multiplied ? product(both, variant, **multiplied, job)
                           : Result<std::shared_ptr<const QuantizedProduct>>(fail(multiplied.error()));
    if (!made) {
        result.error = made.error();
    } else {
        result.x = (*multiplied)->x;
        result.w = (*multiplied)->w;
        result.product = std::move(*made);
        const RequantizedKey key{keyOf(both, variant), relu};
        result.requantized = m_cache.find<RequantizedProduct>(key);
        if (!result.requantized) {
            auto requantized = requantizeProduct(*result.product, relu);
            if (requantized) {
                const uint64_t bytes = 8 * requantized->codes.fixed.size() + 4096;
                result.requantized = m_cache.put<RequantizedProduct>(
                    key, std::make_shared<const RequantizedProduct>(std::move(*requantized)), bytes);
            } else {
                result.notRequantized = requantized.error();
            }
        }
    }
    results.variants.push_back(std::move(result));
}

Result<std::shared_ptr<const QuantizedProduct>> MatmulPipeline::product(const Pair& both,
                                                                        const Variant& variant,
                                                                        const ProductSides& sides,
                                                                        const Job& job) {
    const ProductKey key = keyOf(both, variant);
    if (auto found = m_cache.find<QuantizedProduct>(key)) return found;
    auto made = quantizedProduct(both.input(variant, sides), m_kernels.table(), job);
    if (!made) return fail(made.error());
    const uint64_t bytes = bytesOf(*made);
    return m_cache.put<QuantizedProduct>(key, std::make_shared<const QuantizedProduct>(std::move(*made)),
                                         bytes);
}

/// What the variant's method makes of the two matrices; activations have no part in it.
Result<std::shared_ptr<const ProductSides>> MatmulPipeline::sides(const Pair& both, const Variant& variant,
                                                                  const Job& job) {
    // Rounding to nearest and the reference leave both as they are.
    if (variant.weights.method == "rtn" || variant.weights.scheme.isFloat())
        return std::make_shared<const ProductSides>(ProductSides{both.x, both.w, nullptr});
    Variant weights;
    weights.weights = variant.weights;
    const SidesKey key{keyOf(both, weights)};
    if (auto found = m_cache.find<ProductSides>(key)) return found;
    auto made = productSides(both.x, both.w, variant.weights, both.calibrationRows(), job);
    if (!made) return fail(made.error());
    const uint64_t bytes = made->x.bytes().size() + made->w.bytes().size() + made->codes->totalBytes();
    return m_cache.put<ProductSides>(key, std::make_shared<const ProductSides>(std::move(*made)), bytes);
}

/// Kept by product, so that another cell or step measures nothing again.
Result<std::shared_ptr<const ProductCosts>> MatmulPipeline::costs(const Pair& both,
                                                                  const ProductVariantResult& variant,
                                                                  int measurement, const Job& job) {
    const KernelTable& kernels = m_kernels.table();
    const CostsKey key{keyOf(both, variant.variant), measurement};
    if (auto found = m_cache.find<ProductCosts>(key)) return found;
    const ProductSides sides{variant.x, variant.w, nullptr};
    auto made = measureCosts(*variant.product, both.input(variant.variant, sides), kernels, job);
    if (!made) return fail(made.error());
    constexpr uint64_t kBytes = 1 << 14;
    return m_cache.put<ProductCosts>(key, std::make_shared<const ProductCosts>(std::move(*made)), kBytes);
}

}  // namespace quantscope
