// SPDX-License-Identifier: Apache-2.0
#include "model/config.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <optional>

namespace quantscope {
namespace {

/// Far above any model there is; products of two stay below 2^50.
constexpr int64_t kMaxWidth = int64_t{1} << 24;
constexpr int64_t kMaxBlocks = 4096;

tl::unexpected<Error> malformed(std::string message, std::string field) {
    return fail(ErrorKind::Malformed, std::move(message), std::move(field),
                "Convert or download the model again.");
}

struct Bound {
    std::string_view name;
    int64_t value;
    int64_t maximum;
};

}  // namespace

Status checkConfig(const ModelConfig& config) {
    const std::array bounds = {
        Bound{"vocabulary", config.vocabulary, kMaxWidth},
        Bound{"number of blocks", config.blocks, kMaxBlocks},
        Bound{"embedding width", config.hidden, kMaxWidth},
        Bound{"feed-forward width", config.feedForward, kMaxWidth},
        Bound{"number of heads", config.heads, 65536},
        Bound{"number of key/value heads", config.keyValueHeads, 65536},
        Bound{"width of a head", config.headDim, 65536},
        Bound{"context length", config.contextLength, int64_t{1} << 30},
    };
    for (const Bound& bound : bounds) {
        if (bound.value < 1 || bound.value > bound.maximum) {
            return malformed(
                fmt::format("the {} is {}, outside 1..{}", bound.name, bound.value, bound.maximum),
                "configuration");
        }
    }
    if (config.heads % config.keyValueHeads != 0) {
        return malformed(
            fmt::format("{} heads cannot share {} key/value heads", config.heads, config.keyValueHeads),
            "configuration");
    }
    if (config.rotaryDims < 0 || config.rotaryDims > config.headDim || config.rotaryDims % 2 != 0) {
        return malformed(
            fmt::format("{} rotary dimensions do not fit a head of {}", config.rotaryDims, config.headDim),
            "configuration");
    }
    if (!(config.normEpsilon >= 0) || config.normEpsilon > 1) {
        return malformed(fmt::format("the norm's epsilon is {}", config.normEpsilon), "configuration");
    }
    const bool rope = std::isfinite(config.ropeTheta) && config.ropeTheta > 0 &&
                      std::isfinite(config.ropeFactor) && config.ropeFactor > 0 && config.slidingWindow >= 0;
    if (!rope)
        return malformed("the rotary embedding's base or factor is not a positive number", "configuration");
    if (config.ropeScaling == RopeScaling::Llama3 &&
        !(config.ropeHighFactor > config.ropeLowFactor && config.ropeLowFactor > 0 &&
          config.ropeOriginalContext > 0)) {
        return malformed("the llama3 rotary scaling contradicts itself", "rope_scaling");
    }
    return {};
}

}  // namespace quantscope
