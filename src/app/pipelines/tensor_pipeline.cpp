// SPDX-License-Identifier: Apache-2.0
#include "app/pipelines/tensor_pipeline.h"

#include <fmt/format.h>

#include <chrono>
#include <limits>

#include "analysis/layers/output_error.h"
#include "app/pipelines/tensor_pass.h"
#include "methods/interface/variant.h"
#include "methods/registry.h"

namespace quantscope {
namespace {

using Clock = std::chrono::steady_clock;

/// Full passes over fewer elements than this (all variants together) take less than a preview may: no preview
/// then.
constexpr int64_t kNoPreviewBelow = int64_t{6} << 20;

/// A cell of a large matrix' picture looks at so many of its rows, and at those of the largest magnitudes.
constexpr int64_t kPooledRows = 8;

/// Enough for a squared error to about half a per cent, few enough for a preview within a frame or two.
constexpr int64_t kPreviewValues = int64_t{1} << 18;

double secondsSince(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

uint64_t bytesOf(const HeatMapSet& maps) {
    return 4 * (maps.original.values.size() + maps.codes.values.size() + maps.dequantized.values.size() +
                maps.error.values.size());
}

}  // namespace

TensorPipeline::TensorPipeline(SourceLibrary& sources, KernelsInUse kernels, uint64_t cacheBytes)
    : m_sources(sources), m_kernels(kernels), m_cache(cacheBytes), m_methods(sources, kernels, m_cache) {}

Result<std::shared_ptr<const TensorPipeline::Loaded>> TensorPipeline::loaded(const MatrixSource& source,
                                                                             const Job& job) {
    const LoadedMatrixKey key{source, arithmeticOf(m_kernels.table())};
    if (auto found = m_cache.find<Loaded>(key)) return found;
    auto matrix = m_sources.matrix(source, job.part(0, 0.3));
    if (!matrix) return fail(matrix.error());
    auto made = std::make_shared<Loaded>();
    made->matrix = std::move(*matrix);
    made->view = made->matrix.values.matrix();
    SampleOptions options;
    options.maxValues = kPreviewValues;
    made->sample = sampleMatrix(made->view, options);
    const uint64_t bytes = made->matrix.values.bytes().size() + (uint64_t{4} << 20);
    return m_cache.put<Loaded>(key, std::move(made), bytes);
}

std::shared_ptr<const TensorPipeline::Statistics> TensorPipeline::knownStatistics(const Loaded& data) {
    return m_cache.find<Statistics>(
        TensorStatisticsKey{data.matrix.values.id(), arithmeticOf(m_kernels.table())});
}

Result<std::shared_ptr<const TensorPipeline::Statistics>> TensorPipeline::statistics(const Loaded& data,
                                                                                     const Job& job) {
    if (auto known = knownStatistics(data)) return known;
    auto made = std::make_shared<Statistics>();
    auto stage = analyzeTensor(data.view, job.part(0.3, 0.5));
    if (!stage) return fail(stage.error());
    made->stage = std::make_shared<const TensorStage>(std::move(*stage));
    for (const ChannelAxis axis : {ChannelAxis::Input, ChannelAxis::Output}) {
        auto channels = channelReport(data.view, axis, job.part(0.5, 0.7));
        if (!channels) return fail(channels.error());
        auto shared = std::make_shared<const ChannelReport>(std::move(*channels));
        (axis == ChannelAxis::Input ? made->inputChannels : made->outputChannels) = std::move(shared);
    }
    constexpr uint64_t kBytes = uint64_t{40} << 20;  // a million sorted values with their running sums
    const TensorStatisticsKey key{data.matrix.values.id(), arithmeticOf(m_kernels.table())};
    return m_cache.put<Statistics>(key, std::move(made), kBytes);
}

void TensorPipeline::run(const LabRequest& request, uint64_t sequence, std::stop_token refine,
                         const Deliver& deliver, ProgressSink progress) {
    const Experiment& experiment = request.experiment;
    const TensorPart part = experiment.part<TensorPart>();
    const TensorView look = request.views.get<TensorView>();
    const Job fullJob(std::move(refine), std::move(progress));
    auto base = std::make_shared<TensorResults>();
    base->request = experiment;
    base->views = request.views;
    base->sequence = sequence;
    const auto source = loaded(part.matrix, fullJob);
    if (!source) {
        if (source.error().kind == ErrorKind::Cancelled) return;
        base->error = source.error();
        base->complete = true;
        return deliver(std::move(base));
    }
    const Loaded& data = **source;
    base->title = data.matrix.title;
    base->storedAs = data.matrix.storedAs;
    base->matrix = data.matrix.values;
    const auto tierOf = [&](Tier tier, const Statistics& known, const MatrixView& view, const Job& job) {
        auto results = std::make_shared<TensorResults>(*base);
        results->stage = known.stage;
        results->inputChannels = known.inputChannels;
        results->outputChannels = known.outputChannels;
        results->axis = histogramAxis(*known.stage, part.histogramBins);
        const Pass pass{experiment,
                        part,
                        look,
                        data,
                        known,
                        view,
                        tier == Tier::Full ? MatrixPart::All : MatrixPart::Sample,
                        tier,
                        job,
                        results->axis,
                        arithmeticOf(m_kernels.table())};
        results->tier = tier;
        if (tier == Tier::Preview) results->inverseShare = data.sample.inverseShare();
        const auto start = Clock::now();
        if (!runTier(pass, *results)) return;
        const auto show = [&] {
            const auto waits = [](const TensorVariantResult& v) { return v.pending; };
            results->complete =
                tier == Tier::Full && std::none_of(results->variants.begin(), results->variants.end(), waits);
            results->seconds = secondsSince(start);
            summarize(*results);
            deliver(std::make_shared<const TensorResults>(*results));
        };
        show();
        if (tier == Tier::Full && !results->complete) runMethods(pass, *results, show);
    };
    const auto work = data.view.size() * static_cast<int64_t>(experiment.variants.size());
    if (work >= kNoPreviewBelow && !data.sample.complete) {
        auto known = knownStatistics(data);
        if (!known) {
            auto quick = std::make_shared<Statistics>();
            quick->stage =
                std::make_shared<const TensorStage>(analyzeSample(data.view, data.sample, Job{}).value());
            quick->fromSample = true;
            known = std::move(quick);
        }
        tierOf(Tier::Preview, *known, data.sample.view, Job{});
    }
    const auto known = statistics(data, fullJob);
    if (known) tierOf(Tier::Full, **known, data.view, fullJob);
}

/// Fails only when it was cancelled: whatever concerns one variant is that variant's error.
Status TensorPipeline::runTier(const Pass& pass, TensorResults& results) {
    const FloatHistogramKey key{pass.tensor(), pass.elements, pass.axis, pass.arithmetic};
    results.floatHistogram = m_cache.find<Histogram>(key);
    if (!results.floatHistogram) {
        auto histogram = floatHistogram(pass.view, pass.axis, m_kernels.table(), pass.job);
        if (!histogram) return fail(histogram.error());
        results.floatHistogram =
            m_cache.put<Histogram>(key, std::make_shared<const Histogram>(std::move(*histogram)),
                                   sizeof(uint64_t) * kMaxHistogramBins);
    }
    addActivations(pass, results);
    addCapturable(pass, results);
    for (const Variant& variant : pass.experiment.variants) {
        TensorVariantResult result;
        result.variant = variant;
        result.title = variantTitle(variant);
        if (hasToWait(pass, variant)) {
            result.pending = true;
            useRows(pass, knownReport(pass, variant, MatrixPart::Rows), results, result);
        } else {
            runVariant(pass, results, result);
        }
        if (result.error && result.error->kind == ErrorKind::Cancelled) return fail(*result.error);
        results.variants.push_back(std::move(result));
    }
    return addHeatMaps(pass, results);
}

void TensorPipeline::runVariant(const Pass& pass, const TensorResults& results,
                                TensorVariantResult& variant) {
    auto made = isMethod(variant.variant.weights)
                    ? methodReport(pass, variant.variant, MatrixPart::All, pass.job)
                    : report(pass, variant.variant);
    if (!made) {
        variant.error = made.error();
        return;
    }
    variant.report = std::move(*made);
    variant.inverseShare = 1;
    auto curve = clipCurveOf(pass, variant);
    if (!curve) {
        variant.error = curve.error();
        return;
    }
    variant.clipCurve = std::move(*curve);
    variant.outputError = outputErrorOf(results, *variant.report);
}

/// Of the reference and of rounding to nearest.
Result<std::shared_ptr<const VariantReport>> TensorPipeline::report(const Pass& pass,
                                                                    const Variant& variant) {
    const VariantReportKey key{resultKey(pass, variant, pass.elements), pass.axis};
    if (auto found = m_cache.find<VariantReport>(key)) return found;
    const TensorReport& tensor = pass.statistics.stage->report;
    const KnownMatrix known{&tensor.extremes, pass.tier == Tier::Preview,
                            !pass.statistics.fromSample && tensor.firstBadRow < 0};
    auto quantization =
        chooseQuantization(pass.view, variant.weights.scheme, m_kernels.table(), pass.job, known);
    if (!quantization) return fail(quantization.error());
    VariantReportOptions options;
    options.axis = pass.axis;
    auto made = variantReport(pass.view, std::move(*quantization), options, m_kernels.table(), pass.job);
    if (!made) return fail(made.error());
    const uint64_t bytes = bytesOf(*made);
    return m_cache.put<VariantReport>(key, std::make_shared<const VariantReport>(std::move(*made)), bytes);
}

Result<std::shared_ptr<const ClipCurve>> TensorPipeline::clipCurveOf(const Pass& pass,
                                                                     const TensorVariantResult& variant) {
    // Codebooks and other storages have no clip limit to move.
    if (variant.report->quantization.stored) return std::make_shared<const ClipCurve>();
    // Range, granularity and group size leave the curve as it is: only the marks tell which range is in use.
    const Scheme& wanted = variant.variant.weights.scheme;
    const Scheme scheme = clipCurveScheme(wanted);
    // The curve is of the tensor's statistics, not of the tier's matrix: preview and full share it, except
    // that the first preview has only a sample's.
    const ClipCurveKey key{pass.tensor(), pass.statistics.fromSample, pass.part.clipCurvePoints, scheme,
                           pass.arithmetic};
    const SortedValues& values = pass.statistics.stage->sorted;
    const auto marked = [&](const std::shared_ptr<const ClipCurve>& curve) {
        return std::make_shared<const ClipCurve>(withMarkOf(*curve, values, wanted));
    };
    if (auto found = m_cache.find<ClipCurve>(key)) return marked(found);
    // A new curve costs more than the rest of a preview: until the full result the old one stays on screen.
    if (pass.tier == Tier::Preview && !pass.statistics.fromSample) return nullptr;
    ClipCurveOptions options;
    options.points = pass.part.clipCurvePoints;
    auto curve = clipCurve(values, scheme, options, pass.job);
    if (!curve) return fail(curve.error());
    const uint64_t bytes = sizeof(ClipPoint) * curve->points.size() + 4096;
    return marked(m_cache.put<ClipCurve>(key, std::make_shared<const ClipCurve>(std::move(*curve)), bytes));
}

Status TensorPipeline::addHeatMaps(const Pass& pass, TensorResults& results) {
    // A sample has other rows than the region asks for: the preview leaves the pictures to the full tier.
    if (results.variants.empty() || pass.tier == Tier::Preview) return {};
    const auto last = static_cast<int>(results.variants.size()) - 1;
    results.heatmapVariant = std::clamp(pass.look.heatmapVariant, 0, last);
    const TensorVariantResult& shown = results.variants[static_cast<size_t>(results.heatmapVariant)];
    if (!shown.report || shown.inverseShare != 1) return {};
    const MatrixRegion region =
        clampRegion(pass.look.heatmapRegion, pass.loaded.view.rows, pass.loaded.view.cols);
    const HeatMapsKey key{resultKey(pass, shown.variant, MatrixPart::All), region};
    if ((results.heatMaps = m_cache.find<HeatMapSet>(key))) return {};
    HeatMapRows rows{kPooledRows, {}};
    for (const LocatedValue& value : pass.statistics.stage->report.extremes.top)
        rows.always.push_back(value.row);
    auto maps = heatMaps(pass.view, shown.report->quantization, region, Pooling::MaxAbs, m_kernels.table(),
                         pass.job, kMaxHeatMapSide, rows);
    if (!maps) return fail(maps.error());
    const uint64_t bytes = bytesOf(*maps);
    results.heatMaps =
        m_cache.put<HeatMapSet>(key, std::make_shared<const HeatMapSet>(std::move(*maps)), bytes);
    return {};
}

void TensorPipeline::addCapturable(const Pass& pass, TensorResults& results) {
    const ModelSource& model = pass.experiment.model;
    if (model.modelPath.empty() || model.textPath.empty()) return;
    const auto opened = m_sources.model(model.modelPath);
    if (!opened) return;
    for (const LinearInfo& layer : (*opened)->linears())
        if (layer.block >= 0 && layer.firstReader && layer.inFeatures == pass.loaded.view.cols)
            results.capturable.push_back(layer.name);
}

/// Inputs that were chosen, or captured when the tensor belongs to the experiment's model: for the channels'
/// picture and the output error. A failure leaves the tensor without them; methods that need them say why.
void TensorPipeline::addActivations(const Pass& pass, TensorResults& results) {
    if (pass.part.inputs) {
        if (pass.tier == Tier::Full) results.activations = chosenActivations(pass);
        return;
    }
    const auto* tensor = std::get_if<TensorSource>(&pass.part.matrix);
    const ModelSource& model = pass.experiment.model;
    if (tensor == nullptr || tensor->path != model.modelPath || model.textPath.empty()) return;
    const CaptureKey key{model.modelPath, model.textPath, pass.arithmetic};
    auto capture = m_cache.find<ActivationCapture>(key);
    const auto opened = m_sources.model(model.modelPath);
    if (!opened) return;
    if (!capture && pass.tier == Tier::Full) {
        const auto ids = m_sources.tokens(model);
        if (!ids) return;
        constexpr size_t kTokens = 512;
        const auto part = std::span(**ids).first(std::min(kTokens, (*ids)->size()));
        auto made = captureActivations(**opened, part, {}, m_kernels.table(), pass.job);
        if (!made) return;
        capture = m_cache.put<ActivationCapture>(
            key, std::make_shared<const ActivationCapture>(std::move(*made)), uint64_t{16} << 20);
    }
    if (!capture) return;
    for (const LinearInfo& linear : (*opened)->linears()) {
        if (linear.tensorName != tensor->tensor) continue;
        for (const ChannelStatistics& statistics : capture->statistics)
            if (statistics.layer == linear.name)
                results.activations = std::shared_ptr<const ChannelStatistics>(capture, &statistics);
    }
}

std::shared_ptr<const ChannelStatistics> TensorPipeline::chosenActivations(const Pass& pass) {
    const auto seen = m_methods.chosenInputs(pass.subject(), false, pass.job.quiet());
    if (!seen || (*seen)->channels != pass.loaded.view.cols) return nullptr;
    auto made = std::make_shared<ChannelStatistics>();
    made->tokens = (*seen)->tokens;
    made->absMax = (*seen)->absMax;
    made->meanSquare = (*seen)->meanSquare;
    return made;
}

}  // namespace quantscope
