// SPDX-License-Identifier: Apache-2.0
#include "model/evaluation/evaluator.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/out_of_memory.h"
#include "methods/interface/method.h"
#include "model/calibration/calibration.h"
#include "model/forward/embedding.h"
#include "model/weights/fingerprint.h"

namespace quantscope {
namespace {

constexpr size_t kShownTokens = 4096;
/// Percentiles need a sort; between windows they are refreshed at most this often once there are many tokens.
constexpr double kPercentileSeconds = 0.25;
constexpr size_t kCheapTokens = 8192;
/// Scores of variants that are no longer on screen but may come back.
constexpr size_t kMaxKnown = 24;
/// Layer-major: packed weights that variants may share, beside the layer that runs.
constexpr uint64_t kLayerMajorKept = uint64_t{256} << 20;

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

tl::unexpected<Error> cancelled() {
    return fail(ErrorKind::Cancelled, "the evaluation was stopped");
}

double layerBits(const LinearInfo& layer, const Recipe& recipe) {
    if (recipe.scheme.format != "float")
        return recipeBitsPerWeight(recipe, layer.outFeatures, layer.inFeatures);
    return 8.0 * static_cast<double>(layer.bytes) / static_cast<double>(layer.outFeatures * layer.inFeatures);
}

/// What the variant's weights take: the blocks' linear layers as bits per weight, the whole model in bytes.
void fillSizes(VariantScore& score, const Model& model, const VariantPlan& plan) {
    double bits = 0;
    double elements = 0;
    double change = 0;
    for (size_t i = 0; i < plan.layers.size(); ++i) {
        const LinearInfo& layer = model.linears()[i];
        const auto size = static_cast<double>(layer.outFeatures * layer.inFeatures);
        const double own = layerBits(layer, plan.layers[i]);
        if (layer.block >= 0) {
            bits += own * size;
            elements += size;
        }
        if (plan.layers[i].scheme.format == "float") continue;
        const bool sharesEmbedding = layer.block < 0 && model.config().tiedEmbeddings;
        change += own * size / 8 - (sharesEmbedding ? 0 : static_cast<double>(layer.bytes));
    }
    score.bitsPerWeight = elements > 0 ? bits / elements : 0;
    score.weightBytes = static_cast<uint64_t>(static_cast<double>(model.storedBytes()) + change);
}

bool sameText(const EvaluationProtocol& a, const EvaluationProtocol& b) {
    return a.rule == b.rule && a.window == b.window &&
           (a.rule != WindowRule::Sliding || a.stride == b.stride) && a.maxChunks == b.maxChunks;
}

}  // namespace

/// One call of run().
struct Evaluator::Run {
    const std::vector<int32_t>& tokens;
    const std::vector<Variant>& variants;
    const EvaluationProtocol& protocol;
    const Job& job;
    const EvaluationSink& sink;
    std::vector<Lane> lanes;
    std::vector<TokenScores> scores;
    std::vector<size_t> done;  ///< windows by lane
    std::optional<RotaryTable> rotary;
    std::optional<LockStep> steps;
    std::optional<HeadScorer> scorer;
    EvaluationResult result;
    double lastPercentiles = 0;
};

Evaluator::Evaluator(const Model& model, const KernelTable& kernels, uint64_t maxBytes, bool keepsReference)
    : m_model(model),
      m_kernels(kernels),
      m_maxBytes(maxBytes),
      m_keepsReference(keepsReference),
      m_store(model, kernels, maxBytes) {}

uint64_t Evaluator::bytesKept() const {
    uint64_t bytes = m_store.bytesKept() + m_reference.bytes();
    for (const Known& known : m_known) bytes += known.scores.bytes();
    return bytes;
}

Status Evaluator::prepare(Run& run) {
    if (run.variants.empty())
        return fail(ErrorKind::InvalidArgument, "there is no variant to evaluate", "variants");
    if (Status valid = checkTokens(m_model, run.tokens); !valid) return valid;
    if (m_text.windows.empty() || run.tokens != m_tokens || !sameText(run.protocol, m_protocol)) {
        std::optional<int32_t> bos;
        if (run.protocol.rule == WindowRule::LlamaCpp) {
            // A model without a tokenizer can still be scored on token ids.
            if (auto tokenizer = m_model.tokenizer(); tokenizer && (*tokenizer)->addsBos())
                bos = (*tokenizer)->bos();
        }
        auto text = cutWindows(run.tokens, run.protocol, bos);
        if (!text) return fail(text.error());
        m_text = std::move(*text);
        m_tokens = run.tokens;
        m_known.clear();
        m_calibrated.clear();
        m_store.forgetOrdered();
        m_offsets.assign(1, 0);
        for (const Window& window : m_text.windows) {
            m_offsets.push_back(m_offsets.back() + static_cast<size_t>(window.scored));
        }
    }
    if (Status known = setCalibration(run); !known) return known;
    if (Status opened = setResume(run); !opened) return opened;
    m_protocol = run.protocol;
    auto rotary = makeRotary(m_model, std::ranges::max(m_text.windows, {}, &Window::length).length);
    if (!rotary) return fail(rotary.error());
    run.rotary = std::move(*rotary);
    run.scorer.emplace(m_model, m_kernels, m_store);
    run.steps.emplace(m_model, m_kernels, m_store);
    if (Status opened = run.scorer->open(); !opened) return opened;
    return makeLanes(run);
}

/// Makes the calibration the variants need, or keeps it when nothing about it has changed.
Status Evaluator::setCalibration(const Run& run) {
    CalibrationNeed need = CalibrationNeed::None;
    for (const Variant& variant : run.variants) need = std::max(need, calibrationNeed(variant));
    const EvaluationProtocol& p = run.protocol;
    const CalibrationRequest request{p.calibration,     p.calibrationChunks, p.calibrationWindow,
                                     p.calibrationFile, p.calibrationTarget, need};
    if (need == CalibrationNeed::None && p.calibrationTarget.empty()) return {};
    const bool same = m_calibrationRequest.sameInputs(request);
    if (same && m_calibrationRequest.need >= need && m_store.calibration() != nullptr) return {};
    auto source = openCalibration(m_model, m_kernels, request, run.job.quiet());
    if (!source) return fail(source.error());
    if (!*source) return {};
    m_store.setCalibration(std::move(*source));
    m_calibrationRequest = request;
    if (!same) m_known.clear();
    return {};
}

Status Evaluator::setResume(const Run& run) {
    m_store.setFinished(m_finished = nullptr, {}, {});
    if (run.protocol.resumeFolder.empty()) return {};
    auto opened = FinishedLayers::open(run.protocol.resumeFolder);
    if (!opened) return fail(opened.error());
    auto fingerprint = modelFingerprint(m_model);
    if (!fingerprint) return fail(fingerprint.error());
    const std::vector<int32_t> ranges = m_text.input(m_text.windows.front());
    m_store.setFinished(m_finished = std::move(*opened), std::move(*fingerprint),
                        textFingerprint(ranges, std::ssize(ranges)));
    return {};
}

Result<std::shared_ptr<const StaticQuantizers>> Evaluator::calibrated(const Run& run, const Scheme& scheme) {
    for (const auto& [known, quantizers] : m_calibrated) {
        if (known == scheme) return quantizers;
    }
    auto made = calibrateActivations(m_model, m_text.input(m_text.windows.front()), scheme, m_kernels,
                                     Job(run.job.stopToken()));
    if (!made) return fail(made.error());
    m_calibrated.emplace_back(scheme, std::make_shared<const StaticQuantizers>(std::move(*made)));
    return m_calibrated.back().second;
}

Status Evaluator::makeLanes(Run& run) {
    for (const Variant& variant : run.variants) {
        Lane lane;
        lane.plan = planFor(variant, m_model);
        if (Status possible = checkExecution(lane.plan, m_model); !possible) return possible;
        for (const Scheme& scheme : staticSchemes(lane.plan)) {
            auto made = calibrated(run, scheme);
            if (!made) return fail(made.error());
            lane.calibrated.emplace_back(scheme, *made);
        }
        VariantScore score;
        score.name = variantTitle(variant);
        fillSizes(score, m_model, lane.plan);
        run.result.variants.push_back(std::move(score));
        run.lanes.push_back(std::move(lane));
    }
    if (!m_known.empty() && m_known.front().plan != run.lanes.front().plan) m_known.clear();
    const size_t count = m_offsets.back();
    run.scores.resize(run.lanes.size());
    run.done.assign(run.lanes.size(), 0);
    for (size_t lane = 0; lane < run.lanes.size(); ++lane) {
        const auto known = std::ranges::find(m_known, run.lanes[lane].plan, &Known::plan);
        if (known != m_known.end()) {
            run.scores[lane] = known->scores;
            run.done[lane] = known->windows;
        }
        run.scores[lane].resize(count);
    }
    if (m_known.empty()) reserveReference();
    // Without its rows the reference must run beside every variant that is not done.
    if (m_reference.width == 0 &&
        std::ranges::any_of(run.done, [&](size_t d) { return d < m_text.windows.size(); })) {
        run.done[0] = 0;
    }
    run.result.chunksTotal = static_cast<int>(m_text.windows.size());
    return {};
}

void Evaluator::reserveReference() {
    m_reference = {};
    const size_t count = m_offsets.back();
    m_reference.logSumExp.resize(count);
    m_reference.top.resize(count);
    if (!m_keepsReference) return;
    const auto rows = static_cast<uint64_t>(count);
    const auto bytesOf = [&](int64_t width) { return rows * static_cast<uint64_t>(width) * sizeof(float); };
    if (bytesOf(m_model.config().vocabulary) <= m_maxBytes / 2) {
        m_reference.width = m_model.config().vocabulary;
        m_reference.areLogits = true;
    } else if (bytesOf(m_model.config().hidden) <= m_maxBytes / 4) {
        m_reference.width = m_model.config().hidden;
    }
    resizeFor(m_reference.values, count * static_cast<size_t>(m_reference.width),
              "what is kept of the float reference");
}

std::vector<size_t> Evaluator::activeFor(const Run& run, size_t window) const {
    std::vector<size_t> active;
    for (size_t lane = 0; lane < run.lanes.size(); ++lane) {
        if (run.done[lane] <= window) active.push_back(lane);
    }
    return active;
}

EvaluationOrder Evaluator::orderFor(const Run& run) const {
    if (run.protocol.order != EvaluationOrder::Auto) return run.protocol.order;
    // Every different (layer, recipe) as packed floats.
    uint64_t bytes = 0;
    for (size_t layer = 0; layer < m_model.linears().size(); ++layer) {
        std::vector<const Recipe*> seen;
        for (const Lane& lane : run.lanes) {
            const Recipe& recipe = lane.plan.layers[layer];
            if (std::ranges::any_of(seen, [&](const Recipe* other) { return *other == recipe; })) continue;
            seen.push_back(&recipe);
        }
        const LinearInfo& info = m_model.linears()[layer];
        bytes += seen.size() * sizeof(float) * static_cast<uint64_t>(info.outFeatures * info.inFeatures);
    }
    return bytes <= run.protocol.memoryBudgetBytes ? EvaluationOrder::ChunkMajor
                                                   : EvaluationOrder::LayerMajor;
}

Status Evaluator::scoreWindow(Run& run, size_t window, size_t indexInSteps,
                              const std::vector<size_t>& active) {
    const bool llamaCpp = run.protocol.rule == WindowRule::LlamaCpp;
    Status done =
        run.scorer->score(m_text, m_text.windows[window], indexInSteps, *run.steps, run.lanes, active,
                          m_offsets[window], llamaCpp, m_reference, run.scores, run.job.quiet());
    if (!done) return done;
    for (const size_t lane : active) run.done[lane] = window + 1;
    publish(run, window + 1);
    return {};
}

Status Evaluator::chunkMajor(Run& run) {
    const size_t total = m_text.windows.size();
    const int64_t blocks = m_model.config().blocks;
    for (size_t window = 0; window < total; ++window) {
        const std::vector<size_t> active = activeFor(run, window);
        if (active.empty()) {
            // Nothing to compute; estimates of what is known already are worth one look at the end.
            if (window + 1 == total) publish(run, total);
            continue;
        }
        const std::span one(&m_text.windows[window], 1);
        Status begun = run.steps->begin(run.lanes, active, m_text, one, *run.rotary, run.job.quiet());
        if (!begun) return begun;
        for (int64_t block = 0; block < blocks; ++block) {
            const double fraction =
                (static_cast<double>(window) + static_cast<double>(block) / static_cast<double>(blocks)) /
                static_cast<double>(total);
            if (!run.job.proceed(fraction, fmt::format("window {} of {}", window + 1, total)))
                return cancelled();
            if (Status done = run.steps->advance(block, true, run.job.quiet()); !done) return done;
        }
        if (Status done = scoreWindow(run, window, 0, active); !done) return done;
    }
    return {};
}

Status Evaluator::layerMajor(Run& run) {
    const size_t total = m_text.windows.size();
    const int64_t blocks = m_model.config().blocks;
    std::vector<size_t> active;
    for (size_t lane = 0; lane < run.lanes.size(); ++lane) {
        if (run.done[lane] < total) {
            run.done[lane] = 0;
            active.push_back(lane);
        }
    }
    if (active.empty()) {
        publish(run, total);
        return {};
    }
    m_store.setLimit(std::min(m_maxBytes, kLayerMajorKept));
    Status begun = run.steps->begin(run.lanes, active, m_text, m_text.windows, *run.rotary, run.job.quiet());
    if (!begun) return begun;
    for (int64_t block = 0; block < blocks; ++block) {
        const double fraction = 0.9 * static_cast<double>(block) / static_cast<double>(blocks);
        if (!run.job.proceed(fraction, fmt::format("block {} of {}", block + 1, blocks))) return cancelled();
        if (Status done = run.steps->advance(block, false, run.job.quiet()); !done) return done;
    }
    for (size_t window = 0; window < total; ++window) {
        const double fraction = 0.9 + 0.1 * static_cast<double>(window) / static_cast<double>(total);
        if (!run.job.proceed(fraction, "scoring")) return cancelled();
        if (Status done = scoreWindow(run, window, window, active); !done) return done;
    }
    return {};
}

/// An estimate from the first `windows` windows.
void Evaluator::publish(Run& run, size_t windows) {
    const size_t count = m_offsets[windows];
    const bool complete = windows == m_text.windows.size();
    if (!complete && !run.sink) return;
    const double time = now();
    const bool percentiles =
        complete || count <= kCheapTokens || time - run.lastPercentiles > kPercentileSeconds;
    if (percentiles) run.lastPercentiles = time;
    EvaluationResult& result = run.result;
    result.chunksDone = static_cast<int>(windows);
    result.complete = complete;
    result.times = run.steps->times();
    result.times += run.scorer->times();
    result.tokens.resize(run.lanes.size());
    const size_t shown = std::min(count, kShownTokens);
    for (size_t lane = 0; lane < run.lanes.size(); ++lane) {
        VariantScore& score = result.variants[lane];
        const TokenScores& own = run.scores[lane];
        fillStatistics(score, run.scores[0], own, count, percentiles);
        score.seconds = run.lanes[lane].seconds;
        for (size_t window = score.chunkNll.size(); window < windows; ++window) {
            const std::span part(own.nll.data() + m_offsets[window],
                                 m_offsets[window + 1] - m_offsets[window]);
            score.chunkNll.push_back(meanWithError(part).mean);
        }
        auto& row = result.tokens[lane];
        for (size_t window = 0; row.size() < shown && window < windows; ++window) {
            for (size_t at = std::max(m_offsets[window], row.size());
                 at < std::min(m_offsets[window + 1], shown); ++at) {
                const auto i = static_cast<int64_t>(at - m_offsets[window]);
                row.push_back({m_text.target(m_text.windows[window], i),
                               static_cast<float>(run.scores[0].nll[at]), static_cast<float>(own.nll[at]),
                               static_cast<float>(own.kl[at])});
            }
        }
    }
    if (run.sink) run.sink(result);
}

/// Keeps the scores of this run, finished or not, for the next one.
void Evaluator::remember(Run& run) {
    if (!m_keepsReference || run.scores.empty()) return;
    for (size_t lane = 0; lane < run.lanes.size(); ++lane) {
        if (run.scores[lane].size() != m_offsets.back()) return;
        const auto known = std::ranges::find(m_known, run.lanes[lane].plan, &Known::plan);
        if (known == m_known.end()) {
            m_known.push_back({run.lanes[lane].plan, std::move(run.scores[lane]), run.done[lane]});
        } else if (known->windows < run.done[lane]) {
            known->scores = std::move(run.scores[lane]);
            known->windows = run.done[lane];
        }
    }
    while (m_known.size() > kMaxKnown) m_known.erase(m_known.begin() + 1);  // the oldest after the reference
}

Result<EvaluationResult> Evaluator::run(const std::vector<int32_t>& tokens,
                                        const std::vector<Variant>& variants,
                                        const EvaluationProtocol& protocol, const Job& job,
                                        const EvaluationSink& sink) {
    Run run{tokens, variants, protocol, job, sink, {}, {}, {}, {}, {}, {}, {}, 0};
    if (Status prepared = prepare(run); !prepared) return fail(inFile(prepared.error(), m_model.path()));
    run.result.order = orderFor(run);
    m_store.setLimit(m_maxBytes);
    const bool chunks = run.result.order == EvaluationOrder::ChunkMajor;
    Status done = chunks ? chunkMajor(run) : layerMajor(run);
    m_store.endOrdered();
    if (m_finished) run.result.notes = m_finished->notes();
    remember(run);
    if (!done) return fail(inFile(done.error(), m_model.path()));
    return std::move(run.result);
}

}  // namespace quantscope
