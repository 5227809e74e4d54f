// SPDX-License-Identifier: Apache-2.0
#include "model/forward/context_runner.h"

#include <fmt/format.h>

#include <utility>

#include "methods/interface/method.h"
#include "model/forward/block_operators.h"
#include "model/forward/embedding.h"
#include "model/weights/linear_weights.h"

namespace quantscope {

struct ContextRunner::Impl {
    Impl(std::shared_ptr<const Model> m, const KernelTable& k)
        : model(std::move(m)),
          kernels(k),
          layers(*model, kernels, 0),
          store(layers, 0),
          runner(model->config(), kernels),
          linear(kernels, productTimes) {}

    Status make(const Variant& variant, int64_t capacity, std::span<const int32_t> sample, const Job& job);
    Status makeBlocks(const VariantPlan& plan, std::span<const int32_t> sample, const Job& job);

    std::shared_ptr<const Model> model;
    const KernelTable& kernels;
    LayerQuantizer layers;
    WeightStore store;
    BlockRunner runner;
    StageTimes productTimes;  ///< within the head's product
    LinearRunner linear;
    std::optional<RotaryTable> rotary;
    std::optional<Embedding> embedding;
    std::vector<BlockOperators> blocks;
    std::vector<KeyValueCache> caches;
    Tensor norm;
    LinearOperator head;
    int64_t capacity = 0;
    int64_t length = 0;
    int64_t rows = 0;  ///< of `hidden`
    std::vector<float> hidden;
    StageTimes times;
};

Status ContextRunner::Impl::makeBlocks(const VariantPlan& plan, std::span<const int32_t> sample,
                                       const Job& job) {
    layers.setRangesText({sample.begin(), sample.end()});
    const int64_t count = model->config().blocks;
    for (int64_t block = 0; block < count; ++block) {
        if (!job.proceed(static_cast<double>(block) / static_cast<double>(count),
                         fmt::format("block {}", block)))
            return fail(ErrorKind::Cancelled, "the preparation was stopped");
        auto made = makeBlock(store, plan, block, job.quiet());
        if (!made) return fail(made.error());
        blocks.push_back(std::move(*made));
    }
    return {};
}

Status ContextRunner::Impl::make(const Variant& variant, int64_t tokens, std::span<const int32_t> sample,
                                 const Job& job) {
    const StageTimer timer(times.setup);
    const VariantPlan plan = planFor(variant, *model);
    if (Status possible = checkExecution(plan, *model); !possible) return possible;
    capacity = tokens;
    auto table = makeRotary(*model, capacity);
    if (!table) return fail(table.error());
    rotary = std::move(*table);
    auto opened = Embedding::open(*model, plan.embedding, kernels, job.quiet());
    if (!opened) return fail(opened.error());
    embedding = std::move(*opened);
    auto weight = model->weight(kFinalNormName);
    if (!weight) return fail(weight.error());
    norm = std::move(*weight);
    auto last = makeHead(store, plan, job.quiet());
    if (!last) return fail(last.error());
    head = std::move(*last);
    caches.resize(static_cast<size_t>(model->config().blocks));
    return makeBlocks(plan, sample, job);
}

ContextRunner::ContextRunner(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
ContextRunner::~ContextRunner() = default;
ContextRunner::ContextRunner(ContextRunner&&) noexcept = default;
ContextRunner& ContextRunner::operator=(ContextRunner&&) noexcept = default;

Result<ContextRunner> ContextRunner::open(std::shared_ptr<const Model> model, const Variant& variant,
                                          int64_t capacity, std::span<const int32_t> sample,
                                          const KernelTable& kernels, const Job& job) {
    auto impl = std::make_unique<Impl>(std::move(model), kernels);
    if (Status made = impl->make(variant, capacity, sample, job); !made) return fail(made.error());
    return ContextRunner(std::move(impl));
}

Status ContextRunner::read(std::span<const int32_t> tokens) {
    Impl& self = *m_impl;
    if (Status valid = checkTokens(*self.model, tokens); !valid) return valid;
    const auto count = static_cast<int64_t>(tokens.size());
    if (count == 0) return fail(ErrorKind::InvalidArgument, "there are no tokens to read", "tokens");
    if (self.length + count > self.capacity) {
        return fail(
            ErrorKind::InvalidArgument,
            fmt::format("{} tokens after {} exceed the room for {}", count, self.length, self.capacity),
            "tokens", "Make room for more tokens.");
    }
    self.hidden.resize(static_cast<size_t>(count * self.model->config().hidden));
    self.embedding->look(tokens, self.hidden.data());
    for (size_t block = 0; block < self.blocks.size(); ++block) {
        Status done =
            self.runner.run(self.blocks[block], self.model->blockLinears(static_cast<int64_t>(block)),
                            *self.rotary, self.hidden.data(), count, {}, &self.caches[block]);
        if (!done) {
            clear();
            return done;
        }
    }
    self.rows = count;
    self.length += count;
    return {};
}

Result<std::vector<float>> ContextRunner::logits() {
    Impl& self = *m_impl;
    const StageTimer timer(self.times.headProduct);
    const ModelConfig& config = self.model->config();
    std::vector<float> normed(static_cast<size_t>(config.hidden));
    self.kernels.forward.rmsNorm(self.hidden.data() + (self.rows - 1) * config.hidden,
                                 self.norm.floats().data(), normed.data(), config.hidden, config.normEpsilon);
    std::vector<float> result(static_cast<size_t>(config.vocabulary));
    self.linear.setInput({normed.data(), 1, config.hidden, config.hidden});
    if (Status done = self.linear.multiply(self.head, result.data()); !done) return fail(done.error());
    return result;
}

void ContextRunner::clear() {
    for (KeyValueCache& cache : m_impl->caches) cache.length = 0;
    m_impl->length = 0;
}

int64_t ContextRunner::length() const {
    return m_impl->length;
}

StageTimes ContextRunner::times() const {
    StageTimes times = m_impl->runner.times();
    times += m_impl->times;
    return times;
}

}  // namespace quantscope
