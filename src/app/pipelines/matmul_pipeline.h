// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <stop_token>

#include "app/experiment/matmul_part.h"
#include "app/experiment/source_library.h"
#include "app/labs/lab.h"
#include "app/pipelines/matmul_weights.h"
#include "app/pipelines/result_cache.h"
#include "app/results/matmul_results.h"
#include "base/job.h"
#include "kernels/kernel_set.h"

namespace quantscope {

/// Most rows of X and output channels of W that are multiplied; larger matrices are cut.
constexpr int64_t kMostProductRows = 512;
constexpr int64_t kMostProductChannels = 2048;

/// Runs the matmul part of an experiment: both matrices, the product of every variant, the trace of one cell,
/// and, when asked, what the product costs on this machine. Stages are cached, so that another cell or step
/// costs a trace. Lives on one thread (the lane's).
class MatmulPipeline {
 public:
    using Deliver = std::function<void(std::shared_ptr<const MatmulResults>)>;

    MatmulPipeline(SourceLibrary& sources, KernelsInUse kernels, uint64_t cacheBytes = uint64_t{1} << 30);

    /// Delivers the products, then the same with the costs when they are asked for. A stop ends it without a
    /// result; what was complete by then stays cached. Errors are delivered as results.
    void run(const LabRequest& request, uint64_t sequence, std::stop_token stop, const Deliver& deliver,
             ProgressSink progress = {});

    /// Pairs, products and costs that were computed so far; those that were found again do not count.
    [[nodiscard]] uint64_t computations() const { return m_cache.computations(); }

 private:
    struct Pair;
    Result<std::shared_ptr<const Pair>> pair(const MatmulSource& source, const Job& job);
    struct ProductKey;
    struct SidesKey;
    struct RequantizedKey;
    struct CostsKey;
    [[nodiscard]] ProductKey keyOf(const Pair& pair, const Variant& variant) const;
    void addVariant(const Pair& pair, const Variant& variant, bool relu, const Job& job,
                    MatmulResults& results);
    Result<std::shared_ptr<const ProductSides>> sides(const Pair& pair, const Variant& variant,
                                                      const Job& job);
    Result<std::shared_ptr<const QuantizedProduct>> product(const Pair& pair, const Variant& variant,
                                                            const ProductSides& sides, const Job& job);
    Result<std::shared_ptr<const ProductCosts>> costs(const Pair& pair, const ProductVariantResult& variant,
                                                      int measurement, const Job& job);
    void addLayers(const ModelSource& model, MatmulResults& results);

    SourceLibrary& m_sources;
    KernelsInUse m_kernels;
    ResultCache m_cache;
};

}  // namespace quantscope
