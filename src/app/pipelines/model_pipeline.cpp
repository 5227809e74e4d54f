// SPDX-License-Identifier: Apache-2.0
#include "app/pipelines/model_pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <set>

#include "analysis/layers/activation_map.h"
#include "analysis/layers/layer_row.h"
#include "app/pipelines/model_keys.h"
#include "methods/interface/method.h"
#include "methods/interface/recipe_needs.h"
#include "methods/interface/variant_text.h"
#include "methods/registry.h"

namespace quantscope {
namespace {

using Clock = std::chrono::steady_clock;

/// Models up to this many parameters score a window quickly enough to show one even when a newer request
/// waits: while a slider is dragged, perplexity follows it instead of waiting for its end.
constexpr int64_t kLiveParameters = 20'000'000;

int64_t parametersOf(const Model& model) {
    int64_t count = 0;
    for (const LinearInfo& linear : model.linears()) count += linear.outFeatures * linear.inFeatures;
    return count;
}

std::string architectureLine(const Model& model) {
    const ModelConfig& c = model.config();
    return fmt::format("{} · {} blocks · {} wide · {} tokens", c.architecture, c.blocks, c.hidden,
                       c.vocabulary);
}

std::string titleOf(const Model& model) {
    if (!model.config().name.empty()) return model.config().name;
    const std::filesystem::path path(model.path());
    return path.has_stem() ? path.stem().string() : path.parent_path().stem().string();
}

std::vector<ActivationStatistics> outlierInput(const std::vector<ChannelStatistics>& captured,
                                               double threshold) {
    std::vector<ActivationStatistics> layers;
    for (const ChannelStatistics& c : captured) {
        ActivationStatistics s;
        s.layer = c.layer;
        s.family = c.channels;
        s.repeatsInput = c.repeatsInput;
        s.threshold = threshold;
        s.tokens = c.tokens;
        s.absMax = c.absMax;
        s.largeTokens = c.outlierTokens;
        for (const double square : c.meanSquare)
            s.sumOfSquares.push_back(square * static_cast<double>(c.tokens));
        layers.push_back(std::move(s));
    }
    return layers;
}

/// 0 when there is no such file.
int64_t timeWritten(const std::string& file) {
    std::error_code missing;
    const auto written = std::filesystem::last_write_time(file, missing);
    return missing ? 0 : static_cast<int64_t>(written.time_since_epoch().count());
}

/// What one capture gives the Model lab.
struct CapturedOutliers {
    OutlierReport outliers;
    std::string layer;
    std::shared_ptr<const HeatMap> map;
};

}  // namespace

/// One request on its way: the results so far are copied out at each delivery.
struct ModelPipeline::Run {
    const Deliver& deliver;
    const ProgressSink& progress;
    ModelResults results;
    std::shared_ptr<const Model> model;
    std::shared_ptr<const std::vector<int32_t>> tokens;
    CalibrationInput calibration;
    Arithmetic arithmetic;
    RunPlaces places;
    std::stop_token stop;
    Clock::time_point start = Clock::now();

    [[nodiscard]] const Experiment& experiment() const { return results.request; }
    [[nodiscard]] const ModelPart& part() const { return results.request.part<ModelPart>(); }
    [[nodiscard]] const ModelView& view() const { return results.views.get<ModelView>(); }
    [[nodiscard]] TextKey text() const {
        return {experiment().model.modelPath, experiment().model.textPath, arithmetic};
    }
    [[nodiscard]] SessionKey session() const { return {experiment().model.modelPath, arithmetic}; }
    [[nodiscard]] std::span<const int32_t> layerTokens() const {
        const auto wanted = static_cast<size_t>(part().layerTokens);
        return std::span(*tokens).first(std::min(wanted, tokens->size()));
    }
    void send() const {
        auto sent = std::make_shared<ModelResults>(results);
        sent->seconds = std::chrono::duration<double>(Clock::now() - start).count();
        summarize(*sent);
        deliver(std::move(sent));
        if (progress) progress({results.fraction, results.stage});
    }

    /// The layer table's own error: what stands above it stays.
    Status layersFailed(const Error& error) {
        if (error.kind == ErrorKind::Cancelled) return fail(error);
        results.layersError = inFile(error, experiment().model.modelPath);
        return {};
    }

    void advance(double fraction, const std::string& stage) {
        results.fraction = fraction;
        results.stage = stage;
        const double spent = std::chrono::duration<double>(Clock::now() - start).count();
        results.secondsLeft = fraction > 0.02 ? spent * (1 - fraction) / fraction : 0;
    }
    /// A job of this run whose 0..1 is from..to of it; progress alone is delivered, too.
    [[nodiscard]] Job job(double from, double to) {
        return Job(stop,
                   [this](const Progress& p) {
                       advance(p.fraction, p.stage);
                       send();
                   })
            .part(from, to);
    }
};

ModelPipeline::ModelPipeline(SourceLibrary& sources, KernelsInUse kernels, uint64_t cacheBytes)
    : m_sources(sources), m_kernels(kernels), m_cacheBytes(cacheBytes), m_cache(cacheBytes / 8) {}

ModelPipeline::~ModelPipeline() = default;

void ModelPipeline::run(const LabRequest& request, uint64_t sequence, std::stop_token stop,
                        const Deliver& deliver, const ProgressSink& progress) {
    const Experiment& experiment = request.experiment;
    Run run{deliver,        progress,       {}, nullptr, nullptr, {}, arithmeticOf(m_kernels.table()),
            request.places, std::move(stop)};
    run.results.request = experiment;
    run.results.views = request.views;
    run.results.sequence = sequence;
    const auto steps = [&]() -> Status {
        auto model = m_sources.model(experiment.model.modelPath);
        if (!model) return fail(model.error());
        run.model = std::move(*model);
        run.results.architecture = architectureLine(*run.model);
        run.results.title = titleOf(*run.model);
        auto tokens = m_sources.tokens(experiment.model);
        if (!tokens) return fail(tokens.error());
        run.tokens = std::move(*tokens);
        run.results.textTokens = static_cast<int64_t>(run.tokens->size());
        auto calibration = calibrationInput(request);
        if (!calibration) return fail(calibration.error());
        run.calibration = std::move(*calibration);
        openSession(run);
        if (run.part().layersOnly) return measureLayers(run);
        if (auto status = evaluateVariants(run); !status) return status;
        if (run.part().layerTokens == 0) return {};
        if (auto status = captureOutliers(run); !status) return status;
        if (auto status = lookInside(run); !status) return status;
        return measureLayers(run);
    };
    Status status;
    try {
        status = steps();
    } catch (...) {
        // Whatever was interrupted half-way is not used again; its memory may be what the next request needs.
        m_session.reset();
        throw;
    }
    if (!status && status.error().kind == ErrorKind::Cancelled) return;
    if (!status) run.results.error = status.error();
    run.results.complete = status.has_value();
    run.advance(1, {});
    run.send();
}

/// Scores, layer table and insides share what it has quantized.
void ModelPipeline::openSession(const Run& run) {
    CacheKey key(run.session());
    if (m_session && m_sessionKey == key) return;
    m_session = std::make_unique<EvaluationSession>(run.model, m_kernels.table(), m_cacheBytes);
    m_sessionKey = std::move(key);
}

Status ModelPipeline::evaluateVariants(Run& run) {
    const Experiment& experiment = run.experiment();
    const auto checkpoint = m_sources.checkpoint(experiment.model.modelPath);
    if (!checkpoint) return fail(checkpoint.error());
    std::set<std::string, std::less<>> quantized;
    for (const LinearInfo& linear : run.model->linears())
        if (linear.block >= 0) quantized.insert(linear.tensorName);
    for (const Variant& variant : experiment.variants)
        run.results.sizes.push_back(modelSize((*checkpoint)->tensors(), variant, [&](std::string_view name) {
            return quantized.contains(name);
        }));
    const double end = run.part().layerTokens > 0 ? 0.7 : 1.0;
    const bool live = parametersOf(*run.model) <= kLiveParameters;
    std::stop_source inner;
    std::atomic<bool> shown{!live};
    const std::stop_callback onStop(run.stop, [&] {
        if (shown) inner.request_stop();
    });
    const Job job(inner.get_token(), [&](const Progress& p) {
        run.advance(p.fraction * end, p.stage.empty() ? "perplexity" : p.stage);
        if (shown) run.send();
    });
    const auto tokenizer = run.model->tokenizer();
    const auto sink = [&](const EvaluationResult& partial) {
        run.results.evaluation = partial;
        run.results.tokenTexts.clear();
        if (tokenizer && !partial.tokens.empty())
            for (const TokenScore& token : partial.tokens.front())
                run.results.tokenTexts.push_back((*tokenizer)->tokenText(token.token));
        run.send();
        shown = true;
        if (run.stop.stop_requested()) inner.request_stop();
    };
    auto result = m_session->evaluate(*run.tokens, experiment.variants, run.part().evaluation, job, sink,
                                      run.calibration, run.places);
    if (!result) return fail(inFile(result.error(), experiment.model.modelPath));
    sink(*result);
    return {};
}

/// A calibration text that cannot be read is the failure of the variants that need it; one that is there is
/// always given, because scores are forgotten when it changes.
Result<CalibrationInput> ModelPipeline::calibrationInput(const LabRequest& request) {
    const Experiment& experiment = request.experiment;
    const ModelSource& model = experiment.model;
    CalibrationInput input;
    input.chunks = model.calibrationChunks;
    input.file = model.calibrationFile;
    input.fileWritten = timeWritten(input.file);
    if (model.calibrationPath.empty()) return input;
    auto tokens = m_sources.tokens({model.modelPath, model.calibrationPath});
    if (!tokens && !request.places.calibrationTarget.empty()) return fail(tokens.error());
    if (!tokens) input.textError = tokens.error();
    if (tokens) input.text = std::move(*tokens);
    return input;
}

Status ModelPipeline::captureOutliers(Run& run) {
    const auto linears = run.model->linears();
    std::string layer = run.view().layer;
    const auto down = std::find_if(linears.begin(), linears.end(),
                                   [](const LinearInfo& l) { return l.role == LayerRole::Down; });
    if (layer.empty() && down != linears.end()) layer = down->name;
    const OutliersKey key{run.text(), run.part().layerTokens, layer};
    auto captured = m_cache.find<CapturedOutliers>(key);
    if (!captured) {
        CaptureRequest request;
        request.layers = {layer};
        auto capture =
            captureActivations(*run.model, run.layerTokens(), request, m_kernels.table(), run.job(0.7, 0.8));
        if (!capture) return fail(inFile(capture.error(), run.experiment().model.modelPath));
        auto made = std::make_shared<CapturedOutliers>();
        const auto layers = outlierInput(capture->statistics, request.outlierThreshold);
        made->outliers = findOutliers(layers, {});
        made->layer = layer;
        if (const auto it = capture->inputs.find(layer); it != capture->inputs.end()) {
            auto map = activationMap(it->second.matrix(), Job(run.stop));
            if (!map) return fail(map.error());
            made->map = std::make_shared<const HeatMap>(std::move(*map));
        }
        captured = m_cache.put<CapturedOutliers>(key, std::move(made), uint64_t{8} << 20);
    }
    run.results.outliers = std::shared_ptr<const OutlierReport>(captured, &captured->outliers);
    run.results.activationLayer = captured->layer;
    run.results.activationMap = captured->map;
    run.advance(0.8, "layers");
    run.send();
    return {};
}

/// The pictures of a method's insides on the chosen layer. A failure leaves them out: the layer table says
/// what is wrong with the method.
Status ModelPipeline::lookInside(Run& run) {
    const Experiment& experiment = run.experiment();
    const auto last = static_cast<int>(experiment.variants.size()) - 1;
    run.results.layerVariant = std::clamp(run.view().layerVariant, 0, std::max(0, last));
    const Variant& variant = experiment.variants[static_cast<size_t>(run.results.layerVariant)];
    const Recipe& recipe = recipeFor(variant, run.results.activationLayer);
    const auto method = methodNamed(recipe.method);
    if (recipe.scheme.isFloat() || !method || !(*method)->info().sharesTransform) return {};
    const LinearInfo* layer = run.model->findLinear(run.results.activationLayer);
    if (!layer || layer->block < 0) return {};
    run.results.insidesMethod = (*method)->info().label;
    const EvaluationProtocol& protocol = run.part().evaluation;
    const InsidesKey key{run.text(),        run.calibration, layer->name,
                         nameless(variant), protocol.rule,   protocol.window};
    auto insides = m_cache.find<LayerInsides>(key);
    if (!insides) {
        run.advance(0.8, (*method)->info().label);
        const auto quantized = m_session->quantized(variant, *layer, run.calibration, run.job(0.8, 0.84));
        if (!quantized && quantized.error().kind == ErrorKind::Cancelled) return fail(quantized.error());
        if (!quantized || !(*quantized)->result.trace) return {};
        auto made = std::make_shared<LayerInsides>(insidesOf(*(*quantized)->result.trace));
        insides = m_cache.put<LayerInsides>(key, std::move(made), uint64_t{1} << 18);
    }
    if (!insides->isEmpty()) run.results.insides = std::move(insides);
    run.send();
    return {};
}

/// A failure of the layer table is its own error: the perplexities above it stay.
Status ModelPipeline::measureLayers(Run& run) {
    const Experiment& experiment = run.experiment();
    const auto last = static_cast<int>(experiment.variants.size()) - 1;
    run.results.layerVariant = std::clamp(run.view().layerVariant, 0, std::max(0, last));
    const Variant& variant = experiment.variants[static_cast<size_t>(run.results.layerVariant)];
    const LayersKey key{run.text(),
                        run.calibration,
                        run.part().layerTokens,
                        run.part().layerWindow,
                        run.results.outliers != nullptr,
                        nameless(variant)};
    auto rows = m_cache.find<std::vector<LayerRow>>(key);
    if (!rows) {
        const auto measured = m_session->layerErrors(run.layerTokens(), variant, run.part().layerWindow,
                                                     run.calibration, run.job(0.84, 0.95));
        if (!measured) return run.layersFailed(measured.error());
        auto made = std::make_shared<std::vector<LayerRow>>();
        const Job job = run.job(0.95, 1);
        for (const LayerError& error : *measured) {
            if (!job.proceed(static_cast<double>(made->size()) / static_cast<double>(measured->size()),
                             "weights"))
                return fail(ErrorKind::Cancelled, "stopped");
            auto row = layerRow(run, error, variant);
            if (!row) return fail(row.error());
            made->push_back(std::move(*row));
        }
        rows = m_cache.put<std::vector<LayerRow>>(key, std::move(made), uint64_t{1} << 20);
    }
    run.results.layers = std::move(rows);
    return {};
}

Result<LayerRow> ModelPipeline::layerRow(const Run& run, const LayerError& error,
                                         const Variant& variant) const {
    const auto weight = run.model->linearWeight(error.layer);
    if (!weight) return fail(weight.error());
    auto row = measuredRow(error, weight->matrix(), recipeFor(variant, error.layer), m_kernels.table());
    if (!row) return fail(row.error());
    if (run.results.outliers) {
        for (const LayerOutliers& layer : run.results.outliers->layers) {
            if (layer.layer != error.layer) continue;
            row->activationAbsMax = layer.absMax;
            row->outlierChannels = layer.largeChannels;
        }
    }
    return row;
}

}  // namespace quantscope
