// SPDX-License-Identifier: Apache-2.0
#include "model/forward/generation.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/random.h"

namespace quantscope {
namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The token whose share of softmax(z / temperature) holds `share` of the sum, 0 <= share < 1.
int32_t sampled(std::span<const float> logits, double temperature, double share) {
    const float largest = *std::ranges::max_element(logits);
    const auto weight = [&](float z) { return std::exp(static_cast<double>(z - largest) / temperature); };
    double left = 0;
    for (const float z : logits) left += weight(z);
    left *= share;
    for (size_t i = 0; i < logits.size(); ++i) {
        left -= weight(logits[i]);
        if (left < 0) return static_cast<int32_t>(i);
    }
    return static_cast<int32_t>(logits.size() - 1);
}

Status check(const GenerationOptions& options) {
    if (options.tokens < 1)
        return fail(ErrorKind::InvalidArgument, "there are no tokens to write", "tokens",
                    "Ask for one or more.");
    if (!std::isfinite(options.temperature) || options.temperature < 0)
        return fail(ErrorKind::InvalidArgument, fmt::format("a temperature of {}", options.temperature),
                    "temperature", "Choose 0 (the likeliest token) or a positive number.");
    return {};
}

}  // namespace

Result<Generation> generate(ContextRunner& runner, std::span<const int32_t> prompt,
                            const GenerationOptions& options, const KernelTable& kernels, const Job& job) {
    if (Status valid = check(options); !valid) return fail(valid.error());
    const CounterRandom random(options.seed);
    Generation result;
    runner.clear();
    auto start = Clock::now();
    if (Status done = runner.read(prompt); !done) return fail(done.error());
    auto logits = runner.logits();
    result.promptSeconds = secondsSince(start);
    start = Clock::now();
    for (int64_t i = 0; i < options.tokens; ++i) {
        if (!logits) return fail(logits.error());
        const double fraction = static_cast<double>(i) / static_cast<double>(options.tokens);
        if (!job.proceed(fraction, "writing")) return fail(ErrorKind::Cancelled, "the writing was stopped");
        const auto count = static_cast<int64_t>(logits->size());
        const int32_t token =
            options.temperature == 0
                ? static_cast<int32_t>(kernels.forward.argmax(logits->data(), count))
                : sampled(*logits, options.temperature, random.uniform(static_cast<uint64_t>(i)));
        if (token == options.endOfText) break;
        result.tokens.push_back(token);
        if (i + 1 == options.tokens) break;
        if (Status done = runner.read({&token, 1}); !done) return fail(done.error());
        logits = runner.logits();
    }
    result.decodingSeconds = secondsSince(start);
    return result;
}

int64_t commonLength(std::span<const int32_t> a, std::span<const int32_t> b) {
    return std::ranges::mismatch(a, b).in1 - a.begin();
}

}  // namespace quantscope
