// SPDX-License-Identifier: Apache-2.0
#include "model/forward/forward.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/out_of_memory.h"
#include "base/parallel_for.h"
#include "model/forward/block_operators.h"
#include "model/forward/embedding.h"

namespace quantscope {
namespace {

tl::unexpected<Error> cancelled() {
    return fail(ErrorKind::Cancelled, "the forward pass was stopped");
}

/// All windows of `tokens` through all blocks, one block at a time; `hidden` ends as the last block's output.
Status runBlocks(const Model& model, const KernelTable& kernels, std::span<const int32_t> tokens,
                 int64_t window, const Job& job, const Tap& tap, std::vector<float>& hidden) {
    const ModelConfig& config = model.config();
    const auto count = static_cast<int64_t>(tokens.size());
    if (Status valid = checkTokens(model, tokens); !valid) return valid;
    if (count == 0 || window < 1) {
        return fail(ErrorKind::InvalidArgument, "there are no tokens to run", "text", "Use a longer text.");
    }
    auto rotary = makeRotary(model, std::min(window, count));
    if (!rotary) return fail(rotary.error());
    auto embedding = Embedding::open(model, floatRecipe(), kernels, job.quiet());
    if (!embedding) return fail(embedding.error());
    resizeFor(hidden, static_cast<size_t>(count * config.hidden), "the hidden states");
    embedding->look(tokens, hidden.data());

    BlockRunner runner(config, kernels);
    for (int64_t block = 0; block < config.blocks; ++block) {
        auto operators = makeFloatBlock(model, kernels, block, job.quiet());
        if (!operators) return fail(operators.error());
        for (int64_t begin = 0; begin < count; begin += window) {
            const double fraction =
                (static_cast<double>(block) + static_cast<double>(begin) / static_cast<double>(count)) /
                static_cast<double>(config.blocks);
            if (!job.proceed(fraction, fmt::format("block {}", block))) return cancelled();
            Status done =
                runner.run(*operators, model.blockLinears(block), *rotary,
                           hidden.data() + begin * config.hidden, std::min(window, count - begin), tap);
            if (!done) return done;
        }
    }
    return {};
}

}  // namespace

Status ForwardPass::run(std::span<const int32_t> tokens, int64_t window, const Job& job,
                        const Tap& tap) const {
    std::vector<float> hidden;
    return runBlocks(m_model, m_kernels, tokens, window, job, tap, hidden);
}

Result<Tensor> ForwardPass::logits(std::span<const int32_t> tokens, const Job& job, const Tap& tap,
                                   int64_t firstPosition) const {
    const ModelConfig& config = m_model.config();
    const auto count = static_cast<int64_t>(tokens.size());
    std::vector<float> hidden;
    if (Status done = runBlocks(m_model, m_kernels, tokens, std::max<int64_t>(count, 1), job, tap, hidden);
        !done) {
        return fail(done.error());
    }
    if (firstPosition < 0 || firstPosition >= count) {
        return fail(ErrorKind::InvalidArgument,
                    fmt::format("position {} is outside the {} tokens", firstPosition, count), "position");
    }
    auto norm = m_model.weight(kFinalNormName);
    if (!norm) return fail(norm.error());
    auto head = m_model.linearWeight(kHeadName);
    if (!head) return fail(head.error());
    auto packed = FloatGemm::pack(head->matrix());
    if (!packed) return fail(packed.error());
    const int64_t rows = count - firstPosition;
    std::vector<float> normed(static_cast<size_t>(rows * config.hidden));
    for (int64_t row = 0; row < rows; ++row) {
        m_kernels.forward.rmsNorm(hidden.data() + (firstPosition + row) * config.hidden,
                                  norm->floats().data(), normed.data() + row * config.hidden, config.hidden,
                                  config.normEpsilon);
    }
    std::vector<float> out;
    resizeFor(out, static_cast<size_t>(rows * config.vocabulary), "the logits");
    const MatrixView x{normed.data(), rows, config.hidden, config.hidden};
    if (tap) tap(m_model.head(), TapPoint::Input, x);
    FloatGemm(m_kernels).multiply(x, *packed, out.data());
    if (tap) tap(m_model.head(), TapPoint::Output, {out.data(), rows, config.vocabulary, config.vocabulary});
    return Tensor::fromFloats({rows, config.vocabulary}, std::move(out));
}

}  // namespace quantscope
