// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <stop_token>

#include "app/experiment/source_library.h"
#include "app/experiment/tensor_part.h"
#include "app/labs/lab.h"
#include "app/pipelines/result_cache.h"
#include "app/pipelines/tensor_keys.h"
#include "app/pipelines/tensor_methods.h"
#include "app/results/results.h"
#include "kernels/kernel_set.h"

namespace quantscope {

/// Runs the tensor part of an experiment: cached stages (matrix and sample; statistics and channels; float
/// histogram; parameters and report of each variant; clip curves; heat maps), first on a sample when the full
/// pass would not be quick, then in full. Lives on one thread (the lane's).
class TensorPipeline {
 public:
    using Deliver = std::function<void(std::shared_ptr<const TensorResults>)>;

    TensorPipeline(SourceLibrary& sources, KernelsInUse kernels, uint64_t cacheBytes = uint64_t{2} << 30);

    /// Delivers one or two results (preview, full), each with `sequence`. The first preview of a large matrix
    /// comes before its statistics: its stage is that of a sample (exact extremes), without channels. A stop
    /// of `refine` ends the full tier only; what was complete by then stays cached. Errors are delivered as
    /// results.
    void run(const LabRequest& request, uint64_t sequence, std::stop_token refine, const Deliver& deliver,
             ProgressSink progress = {});

    [[nodiscard]] uint64_t computations() const { return m_cache.computations(); }
    [[nodiscard]] uint64_t methodRuns() const { return m_methods.runs(); }

 private:
    struct Loaded;
    struct Statistics;
    struct Pass;
    Result<std::shared_ptr<const Loaded>> loaded(const MatrixSource& source, const Job& job);
    [[nodiscard]] std::shared_ptr<const Statistics> knownStatistics(const Loaded& data);
    Result<std::shared_ptr<const Statistics>> statistics(const Loaded& data, const Job& job);
    Status runTier(const Pass& pass, TensorResults& results);
    void runVariant(const Pass& pass, const TensorResults& results, TensorVariantResult& variant);
    void runMethods(const Pass& pass, TensorResults& results, const std::function<void()>& show);
    [[nodiscard]] bool hasToWait(const Pass& pass, const Variant& variant);
    [[nodiscard]] MethodResultKey resultKey(const Pass& pass, const Variant& variant, MatrixPart part);
    [[nodiscard]] std::shared_ptr<const VariantReport> knownReport(const Pass& pass, const Variant& variant,
                                                                   MatrixPart part);
    static void useRows(const Pass& pass, std::shared_ptr<const VariantReport> rows,
                        const TensorResults& results, TensorVariantResult& variant);
    static double outputErrorOf(const TensorResults& results, const VariantReport& report);
    std::shared_ptr<const MatrixSample> rowsOf(const Loaded& data);
    Result<std::shared_ptr<const LayerResult>> methodResult(const Pass& pass, const MethodResultKey& key,
                                                            const Tensor& weight, const Job& job);
    Result<std::shared_ptr<const VariantReport>> methodReport(const Pass& pass, const Variant& variant,
                                                              MatrixPart part, const Job& job);
    Result<std::shared_ptr<const VariantReport>> report(const Pass& pass, const Variant& variant);
    Result<std::shared_ptr<const ClipCurve>> clipCurveOf(const Pass& pass,
                                                         const TensorVariantResult& variant);
    Status addHeatMaps(const Pass& pass, TensorResults& results);
    void addCapturable(const Pass& pass, TensorResults& results);
    void addActivations(const Pass& pass, TensorResults& results);
    std::shared_ptr<const ChannelStatistics> chosenActivations(const Pass& pass);

    SourceLibrary& m_sources;
    KernelsInUse m_kernels;
    ResultCache m_cache;
    TensorMethods m_methods;
};

}  // namespace quantscope
