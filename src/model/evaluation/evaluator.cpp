// SPDX-License-Identifier: Apache-2.0
#include "model/evaluation/evaluator.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>

#include "base/out_of_memory.h"
#include "methods/interface/method.h"
#include "methods/interface/recipe_needs.h"
#include "model/calibration/calibration.h"
#include "model/evaluation/variant_sizes.h"
#include "model/forward/embedding.h"

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
/// Of the bytes that may be kept, one in so many goes to quantized layers, the rest to what is packed.
constexpr uint64_t kLayersShare = 4;

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

tl::unexpected<Error> cancelled() {
    return fail(ErrorKind::Cancelled, "the evaluation was stopped");
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
    const CalibrationInput& calibration;
    const RunPlaces& places;
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

    /// The failure of the reference, without which there is nothing to compare with.
    [[nodiscard]] Status reference() const {
        if (!lanes.front().error) return {};
        Error error = *lanes.front().error;
        if (lanes.size() > 1)
            error.message = "the first variant, which the others are compared with, failed: " + error.message;
        return fail(std::move(error));
    }
};

Evaluator::Evaluator(const Model& model, const KernelTable& kernels, uint64_t maxBytes, bool keepsReference)
    : m_model(model),
      m_kernels(kernels),
      m_maxBytes(maxBytes),
      m_keepsReference(keepsReference),
      m_layers(model, kernels, maxBytes / kLayersShare),
      m_store(m_layers.quantizer(), maxBytes - maxBytes / kLayersShare) {}

uint64_t Evaluator::bytesKept() const {
    uint64_t bytes = m_layers.quantizer().bytesKept() + m_store.bytesKept() + m_reference.bytes();
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
        m_offsets.assign(1, 0);
        for (const Window& window : m_text.windows) {
            m_offsets.push_back(m_offsets.back() + static_cast<size_t>(window.scored));
        }
    }
    const auto another =
        m_layers.calibrate(run.variants, run.calibration, run.places.calibrationTarget, run.job.quiet());
    if (!another) return fail(another.error());
    if (*another) m_known.clear();
    if (Status opened = setResume(run); !opened) return opened;
    m_layers.quantizer().setRangesText(m_text.input(m_text.windows.front()));
    m_protocol = run.protocol;
    auto rotary = makeRotary(m_model, std::ranges::max(m_text.windows, {}, &Window::length).length);
    if (!rotary) return fail(rotary.error());
    run.rotary = std::move(*rotary);
    run.scorer.emplace(m_model, m_kernels, m_store);
    run.steps.emplace(m_model, m_kernels, m_store);
    if (Status opened = run.scorer->open(); !opened) return opened;
    return makeLanes(run);
}

Status Evaluator::setResume(const Run& run) {
    m_layers.quantizer().setFinished(m_finished = nullptr);
    if (run.places.resumeFolder.empty()) return {};
    auto opened = FinishedLayers::open(run.places.resumeFolder);
    if (!opened) return fail(opened.error());
    m_layers.quantizer().setFinished(m_finished = std::move(*opened));
    return {};
}

Status Evaluator::makeLanes(Run& run) {
    for (const Variant& variant : run.variants) {
        Lane lane;
        if (const Status made = makeLane(run, variant, lane); !made) {
            if (endsTheRun(made.error())) return made;
            lane.error = made.error();
        }
        const auto note = m_layers.quantizer().orderNote(lane.plan);
        auto& notes = run.result.notes;
        if (note && std::ranges::find(notes, *note) == notes.end()) notes.push_back(*note);
        VariantScore score;
        score.name = variantTitle(variant);
        fillSizes(score, m_model, lane.plan);
        run.result.variants.push_back(std::move(score));
        run.lanes.push_back(std::move(lane));
    }
    if (Status stands = run.reference(); !stands) return stands;
    if (!m_known.empty() && m_known.front().plan != run.lanes.front().plan) m_known.clear();
    const size_t count = m_offsets.back();
    run.scores.resize(run.lanes.size());
    run.done.assign(run.lanes.size(), 0);
    for (size_t lane = 0; lane < run.lanes.size(); ++lane) {
        if (run.lanes[lane].error) continue;
        const auto known = std::ranges::find(m_known, run.lanes[lane].plan, &Known::plan);
        if (known != m_known.end()) {
            run.scores[lane] = known->scores;
            run.done[lane] = known->windows;
        }
        run.scores[lane].resize(count);
    }
    if (m_known.empty()) reserveReference();
    // Without its rows the reference must run beside every variant that is not done.
    if (m_reference.width == 0 && !activeFor(run, m_text.windows.size() - 1).empty()) run.done[0] = 0;
    run.result.chunksTotal = static_cast<int>(m_text.windows.size());
    return {};
}

/// The variant's plan and ranges, or the plan and why it cannot run at all.
Status Evaluator::makeLane(const Run& run, const Variant& variant, Lane& lane) {
    lane.plan = planFor(variant, m_model);
    if (Status possible = checkExecution(lane.plan, m_model); !possible) return possible;
    if (auto uncalibrated = m_layers.failureOf(variant)) return fail(std::move(*uncalibrated));
    for (const Scheme& scheme : staticSchemes(lane.plan))
        if (auto made = m_layers.quantizer().ranges(scheme, run.job.quiet()); !made)
            return fail(made.error());
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
        if (!run.lanes[lane].error && run.done[lane] <= window) active.push_back(lane);
    }
    return active;
}

EvaluationOrder Evaluator::orderFor(const Run& run) const {
    if (run.protocol.order != EvaluationOrder::Auto) return run.protocol.order;
    std::vector<const VariantPlan*> plans;
    for (const Lane& lane : run.lanes)
        if (!lane.error) plans.push_back(&lane.plan);
    const uint64_t bytes = packedBytes(m_model, plans);
    return bytes <= run.protocol.memoryBudgetBytes ? EvaluationOrder::ChunkMajor
                                                   : EvaluationOrder::LayerMajor;
}

Status Evaluator::scoreWindow(Run& run, size_t window, size_t indexInSteps,
                              const std::vector<size_t>& active) {
    if (Status stands = run.reference(); !stands) return stands;
    const bool llamaCpp = run.protocol.rule == WindowRule::LlamaCpp;
    std::vector<size_t> standing;
    for (const size_t lane : active)
        if (!run.lanes[lane].error) standing.push_back(lane);
    if (!standing.empty()) {
        Status done =
            run.scorer->score(m_text, m_text.windows[window], indexInSteps, *run.steps, run.lanes, standing,
                              m_offsets[window], llamaCpp, m_reference, run.scores, run.job.quiet());
        if (!done) return done;
    }
    if (Status stands = run.reference(); !stands) return stands;
    for (const size_t lane : standing) run.done[lane] = window + 1;
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
            if (Status stands = run.reference(); !stands) return stands;
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
        if (run.lanes[lane].error || run.done[lane] >= total) continue;
        run.done[lane] = 0;
        active.push_back(lane);
    }
    if (active.empty()) {
        publish(run, total);
        return {};
    }
    m_store.setLimit(std::min(m_maxBytes, kLayerMajorKept));
    if (!m_keepsReference)
        m_layers.quantizer().setLimit(std::min(m_maxBytes / kLayersShare, kLayerMajorKept));
    Status begun = run.steps->begin(run.lanes, active, m_text, m_text.windows, *run.rotary, run.job.quiet());
    if (!begun) return begun;
    for (int64_t block = 0; block < blocks; ++block) {
        if (Status stands = run.reference(); !stands) return stands;
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
        if (const auto& error = run.lanes[lane].error) {
            VariantScore failed;
            failed.name = score.name;
            failed.error = inFile(*error, m_model.path());
            failed.bitsPerWeight = score.bitsPerWeight;
            failed.weightBytes = score.weightBytes;
            score = std::move(failed);
            result.tokens[lane].clear();
            continue;
        }
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
    if (!m_keepsReference || run.scores.empty() || run.lanes.front().error) return;
    for (size_t lane = 0; lane < run.lanes.size(); ++lane) {
        if (run.scores[lane].size() != m_offsets.back()) return;
        if (run.lanes[lane].error) continue;
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
                                        const EvaluationProtocol& protocol,
                                        const CalibrationInput& calibration, const RunPlaces& places,
                                        const Job& job, const EvaluationSink& sink) {
    Run run{tokens, variants, protocol, calibration, places, job, sink, {}, {}, {}, {}, {}, {}, {}, 0};
    if (Status prepared = prepare(run); !prepared) return fail(inFile(prepared.error(), m_model.path()));
    run.result.order = orderFor(run);
    m_store.setLimit(m_maxBytes - m_maxBytes / kLayersShare);
    const bool chunks = run.result.order == EvaluationOrder::ChunkMajor;
    Status done = chunks ? chunkMajor(run) : layerMajor(run);
    m_layers.quantizer().endOrdered();
    if (m_finished) std::ranges::copy(m_finished->notes(), std::back_inserter(run.result.notes));
    remember(run);
    if (!done) return fail(inFile(done.error(), m_model.path()));
    return std::move(run.result);
}

Result<std::vector<LayerError>> Evaluator::layerErrors(std::span<const int32_t> tokens,
                                                       const Variant& variant, int64_t window,
                                                       const CalibrationInput& calibration, const Job& job) {
    if (Status ready = calibrateFor(variant, calibration, job); !ready) return fail(ready.error());
    auto errors = measureLayerErrors(m_layers.quantizer(), tokens, variant, window, job);
    m_layers.quantizer().endOrdered();
    return errors;
}

Result<QuantizedLayerPtr> Evaluator::quantized(const Variant& variant, const LinearInfo& layer,
                                               const CalibrationInput& calibration, const Job& job) {
    if (Status ready = calibrateFor(variant, calibration, job); !ready) return fail(ready.error());
    if (!m_text.windows.empty()) m_layers.quantizer().setRangesText(m_text.input(m_text.windows.front()));
    auto made = m_layers.quantizer().quantize(planFor(variant, m_model), layer, job, true);
    m_layers.quantizer().endOrdered();
    return made;
}

/// Between evaluations: the calibration of one variant, which is as a rule theirs.
Status Evaluator::calibrateFor(const Variant& variant, const CalibrationInput& calibration, const Job& job) {
    const auto another = m_layers.calibrate({&variant, 1}, calibration, {}, job.quiet());
    if (!another) return fail(another.error());
    if (*another) m_known.clear();
    auto failure = m_layers.failureOf(variant);
    return failure ? Status(fail(std::move(*failure))) : Status();
}

}  // namespace quantscope
