// SPDX-License-Identifier: Apache-2.0
// The Tensor lab's methods: what takes seconds waits for everything else, then is tried on some rows, then
// goes through the whole matrix.
#include <chrono>
#include <cmath>
#include <limits>

#include "analysis/layers/output_error.h"
#include "app/pipelines/tensor_pass.h"
#include "methods/interface/input_order.h"
#include "methods/registry.h"

namespace quantscope {
namespace {

using Clock = std::chrono::steady_clock;

/// Rows that slow methods are tried on before they go through a whole matrix.
constexpr int64_t kMethodRows = 64;

double secondsSince(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Of the result of a method with a sample of `share` of the rows: histograms beside those of all rows.
void stretch(Histogram& histogram, double share) {
    const auto stretched = [share](uint64_t count) {
        return static_cast<uint64_t>(std::llround(static_cast<double>(count) * share));
    };
    for (uint64_t& count : histogram.counts) count = stretched(count);
    histogram.underflow = stretched(histogram.underflow);
    histogram.overflow = stretched(histogram.overflow);
}

/// Nanoseconds a weight that methods of this kind take, roughly: what decides whether one has to wait.
double costOf(MethodKind kind) {
    switch (kind) {
        case MethodKind::Rule:
            return 20;
        case MethodKind::Heuristic:
        case MethodKind::Sparsifier:
            return 200;
        case MethodKind::Optimized:
            return 600;
        case MethodKind::Learned:
            return 5000;
    }
    return 0;
}

/// A job that a newer request stops only after a while, so that a drag shows something.
class PatientJob {
 public:
    PatientJob(const Job& job, ProgressSink sink) : m_outer(job) {
        m_job = Job(m_stop.get_token(), [this, sink = std::move(sink)](const Progress& progress) {
            if (m_outer.stopRequested() && secondsSince(m_start) > kPatience) m_stop.request_stop();
            if (sink) sink(progress);
        });
    }
    [[nodiscard]] const Job& job() const { return m_job; }

 private:
    static constexpr double kPatience = 0.3;
    Job m_outer;
    Clock::time_point m_start = Clock::now();
    std::stop_source m_stop;
    Job m_job;
};

}  // namespace

uint64_t bytesOf(const VariantReport& report) {
    const auto splits = report.errors.outputChannels.size() + report.errors.inputChannels.size() +
                        report.errors.groups.size();
    return 4096 + sizeof(ErrorSplit) * splits + sizeof(GroupParams) * report.quantization.groups.size() +
           (report.quantization.codes ? report.quantization.codes->packedCodes().size() : 0);
}

double TensorPipeline::outputErrorOf(const TensorResults& results, const VariantReport& report) {
    return results.activations ? expectedOutputError(report.errors, results.activations->meanSquare)
                               : std::numeric_limits<double>::quiet_NaN();
}

MethodResultKey TensorPipeline::resultKey(const Pass& pass, const Variant& variant, MatrixPart part) {
    Variant matters;
    matters.weights = variant.weights;
    matters.weights.execution = Execution::Fake;  // the stored weight is the same
    InputsKey inputs;
    if (isMethod(variant.weights)) {
        inputs = m_methods.inputsKey(pass.subject(), variant.weights);
        // Inputs that come through the layers before depend on how those are quantized.
        if (inputs.calibration && inputOrder(variant.weights) != InputOrder::Float) {
            matters.activations = variant.activations;
            matters.overrides = variant.overrides;
        }
    }
    return {pass.tensor(), part, std::move(matters), std::move(inputs), pass.arithmetic};
}

std::shared_ptr<const VariantReport> TensorPipeline::knownReport(const Pass& pass, const Variant& variant,
                                                                 MatrixPart part) {
    return m_cache.find<VariantReport>(VariantReportKey{resultKey(pass, variant, part), pass.axis});
}

/// Whether the method takes so long that everything else is shown first.
bool TensorPipeline::hasToWait(const Pass& pass, const Variant& variant) {
    constexpr double kQuick = 1e8;  // nanoseconds
    const Recipe& recipe = variant.weights;
    if (!isMethod(recipe)) return false;
    const auto method = methodNamed(recipe.method);
    if (!method) return false;  // says so at once
    const bool calibrated = (*method)->needs(recipe) != CalibrationNeed::None;
    const double cost =
        costOf((*method)->info().kind) * static_cast<double>(pass.loaded.matrix.values.size());
    if (!calibrated && cost < kQuick) return false;
    return !knownReport(pass, variant, MatrixPart::All) &&
           !m_cache.find<LayerResult>(resultKey(pass, variant, MatrixPart::All));
}

/// What a method made of some of the rows stands for all of them until it has gone through them.
void TensorPipeline::useRows(const Pass& pass, std::shared_ptr<const VariantReport> rows,
                             const TensorResults& results, TensorVariantResult& variant) {
    if (!rows) return;
    variant.inverseShare =
        static_cast<double>(pass.loaded.view.rows) / static_cast<double>(rows->quantization.layout.rows);
    variant.outputError = outputErrorOf(results, *rows);
    variant.report = std::move(rows);
}

/// The variants that wait: first on some of the rows, then on the whole matrix, shown as they come.
void TensorPipeline::runMethods(const Pass& pass, TensorResults& results, const std::function<void()>& show) {
    const auto fails = [](TensorVariantResult& variant, const Error& error) {
        variant.error = error;
        variant.pending = false;
        variant.report = nullptr;
    };
    const bool sampled = rowsOf(pass.loaded)->complete == false;
    for (TensorVariantResult& variant : results.variants) {
        if (!variant.pending || variant.report || !sampled) continue;
        const PatientJob patient(pass.job, {});
        auto rows = methodReport(pass, variant.variant, MatrixPart::Rows, patient.job());
        if (!rows && rows.error().kind == ErrorKind::Cancelled) return;
        if (rows)
            useRows(pass, std::move(*rows), results, variant);
        else
            fails(variant, rows.error());
        show();
    }
    for (TensorVariantResult& variant : results.variants) {
        if (!variant.pending) continue;
        if (pass.job.stopRequested()) return;
        variant.pending = false;
        runVariant(pass, results, variant);
        if (variant.error && variant.error->kind == ErrorKind::Cancelled) return;
        if (variant.error) fails(variant, *variant.error);
        if (Status done = addHeatMaps(pass, results); !done) return;
        show();
    }
}

/// The rows that slow methods are tried on.
std::shared_ptr<const MatrixSample> TensorPipeline::rowsOf(const Loaded& data) {
    const RowSampleKey key{data.matrix.values.id(), kMethodRows};
    if (auto found = m_cache.find<MatrixSample>(key)) return found;
    SampleOptions options;
    options.maxValues = std::max<int64_t>(1, kMethodRows * data.view.cols);
    auto made = std::make_shared<const MatrixSample>(sampleMatrix(data.view, options));
    const auto bytes = static_cast<uint64_t>(4 * options.maxValues);
    return m_cache.put<MatrixSample>(key, std::move(made), bytes);
}

/// The result stays apart from its report, so that another axis runs no method again.
Result<std::shared_ptr<const LayerResult>> TensorPipeline::methodResult(const Pass& pass,
                                                                        const MethodResultKey& key,
                                                                        const Tensor& weight,
                                                                        const Job& job) {
    if (auto found = m_cache.find<LayerResult>(key)) return found;
    auto result = m_methods.quantize(pass.subject(), key.variant, weight, job);
    if (!result) return result;
    const uint64_t bytes = (*result)->bytes + ((*result)->values ? (*result)->values->bytes().size() : 0);
    return m_cache.put<LayerResult>(key, std::move(*result), bytes);
}

Result<std::shared_ptr<const VariantReport>> TensorPipeline::methodReport(const Pass& pass,
                                                                          const Variant& variant,
                                                                          MatrixPart part, const Job& job) {
    const VariantReportKey key{resultKey(pass, variant, part), pass.axis};
    if (auto found = m_cache.find<VariantReport>(key)) return found;
    const auto rows = part == MatrixPart::Rows ? rowsOf(pass.loaded) : nullptr;
    const Tensor weight = rows && !rows->complete ? rows->owned : pass.loaded.matrix.values;
    auto result = methodResult(pass, key.result, weight, job.part(0, 0.9));
    if (!result) return fail(result.error());
    VariantReportOptions options;
    options.axis = pass.axis;
    auto made = variantReport(weight.matrix(), quantizationOf(*result, weight, key.result.variant.weights),
                              options, m_kernels.table(), job.part(0.9, 1));
    if (!made) return fail(made.error());
    if (weight.rows() < pass.loaded.view.rows)
        stretch(made->dequantized,
                static_cast<double>(pass.loaded.view.rows) / static_cast<double>(weight.rows()));
    const uint64_t bytes = bytesOf(*made);
    return m_cache.put<VariantReport>(key, std::make_shared<const VariantReport>(std::move(*made)), bytes);
}

}  // namespace quantscope
