// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "kernels/kernel_table.h"
#include "methods/interface/variant.h"
#include "model/calibration/calibration_input.h"
#include "model/evaluation/run_places.h"
#include "model/forward/stage_times.h"

namespace quantscope {

class Model;

/// How a text is cut into windows and which tokens are scored.
/// LlamaCpp: windows of `window` tokens that do not overlap; the first token is replaced by BOS if the model
/// adds BOS;
///   targets window/2+1 .. window-1 are scored (llama-perplexity). Needs two windows of text.
/// GptqPaper: non-overlapping windows, every target scored, remainder dropped.
/// Sliding: stride `stride`, each target scored once with as much context as the window gives.
enum class WindowRule { LlamaCpp, GptqPaper, Sliding };

/// ChunkMajor: one window through all layers, all variants in lock step; an estimate after the first window.
/// LayerMajor: all windows through one layer, then the next: peak memory is one layer and the hidden states.
/// Auto: by the memory budget.
enum class EvaluationOrder { Auto, ChunkMajor, LayerMajor };

/// What is asked. What methods are calibrated on and how the work is done are values of their own:
/// CalibrationInput, RunPlaces.
struct EvaluationProtocol {
    WindowRule rule = WindowRule::LlamaCpp;
    int window = 512;
    int stride = 256;
    int maxChunks = 0;  ///< 0 = the whole text
    EvaluationOrder order = EvaluationOrder::Auto;
    uint64_t memoryBudgetBytes = uint64_t{4} << 30;
    bool operator==(const EvaluationProtocol&) const = default;
};

/// Statistics of one quantity over tokens; percentiles by linear interpolation at f (n - 1).
struct Percentiles {
    double minimum = 0, p01 = 0, p1 = 0, p5 = 0, p10 = 0, p25 = 0, median = 0;
    double p75 = 0, p90 = 0, p95 = 0, p99 = 0, p999 = 0, maximum = 0;
};

/// One variant's score, refined after every window. Deltas are paired with the first variant, token by token.
struct VariantScore {
    std::string name;
    /// The variant failed and was left out: beside it only the name and the sizes below are filled.
    std::optional<Error> error;
    int64_t tokens = 0;       ///< scored
    double meanNll = 0;       ///< nats a token
    double perplexity = 0;    ///< exp(meanNll)
    double perplexitySe = 0;  ///< perplexity * standard error of meanNll
    double deltaNll = 0;      ///< mean of nll - nll of the reference
    double deltaNllSe = 0;    ///< its standard error, paired
    double klMean = 0;        ///< mean KL(reference || variant), nats
    double klMeanSe = 0;
    Percentiles kl;
    double top1Agreement = 0;  ///< share of tokens whose most likely next token is the reference's
    double top1AgreementSe = 0;
    double deltaPRms = 0;  ///< root mean square of p(variant) - p(reference) of the true token
    double deltaPRmsSe = 0;
    double deltaPMean = 0;
    double deltaPMeanSe = 0;
    Percentiles deltaP;
    double nllCorrelation = 0;     ///< Pearson, with the reference's nll
    double bitsPerWeight = 0;      ///< of the quantized linear layers, all overhead included
    uint64_t weightBytes = 0;      ///< of the whole model under this variant
    double seconds = 0;            ///< spent in this variant
    std::vector<double> chunkNll;  ///< mean nll of each window
};

/// One scored token, for the coloured text.
struct TokenScore {
    int32_t token = 0;  ///< the target's id
    float nllReference = 0;
    float nll = 0;
    float kl = 0;
};

struct EvaluationResult {
    std::vector<VariantScore> variants;
    int chunksDone = 0;
    int chunksTotal = 0;
    bool complete = false;
    EvaluationOrder order = EvaluationOrder::ChunkMajor;
    StageTimes times;  ///< of all variants together
    /// What came out of the resume folder, and what in it was damaged.
    std::vector<std::string> notes;
    /// Scored tokens of the first windows (at most 4,096), one row a variant; empty for one that failed.
    std::vector<std::vector<TokenScore>> tokens;
};

/// Receives an estimate after each window (chunk-major); must not block.
using EvaluationSink = std::function<void(const EvaluationResult&)>;

/// Scores all variants over the same tokens (as encode() gives them) in lock step. The first variant is the
/// reference: if it fails, so does the run. Any other variant that cannot run, whose method refuses a layer
/// or whose calibration is missing has its error in its score, and the others' numbers are those of a run
/// without it. Recipes apply to the linear layers of the blocks; "token_embd" and "output" change only by an
/// override that names them. KL of the LlamaCpp rule sums reference probabilities above e^-16 only, as
/// llama-perplexity does; the other rules sum all. Static activation ranges come from the float model's run
/// over the first window. Errors: those of the reference; InvalidArgument (text too short, with the tokens
/// needed; calibration to be saved without a text), Unsupported (window beyond the model's sliding window),
/// CannotWrite (resume folder, saved calibration), Cancelled.
Result<EvaluationResult> evaluate(const Model& model, const std::vector<int32_t>& tokens,
                                  const std::vector<Variant>& variants, const EvaluationProtocol& protocol,
                                  const KernelTable& kernels, const Job& job, const EvaluationSink& sink = {},
                                  const CalibrationInput& calibration = {}, const RunPlaces& places = {});

}  // namespace quantscope
