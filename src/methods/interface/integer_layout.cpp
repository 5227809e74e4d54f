// SPDX-License-Identifier: Apache-2.0
#include "methods/interface/integer_layout.h"

#include <fmt/format.h>

#include "methods/registry.h"

namespace quantscope {
namespace {

bool fractionalZero(const Scheme& scheme) {
    return scheme.mapping == Mapping::Affine && scheme.zeroPointDomain != ZeroPointDomain::Integer;
}

bool oneScaleARow(const Scheme& scheme) {
    return scheme.granularity == Granularity::Tensor || scheme.granularity == Granularity::OutputChannel ||
           scheme.granularity == Granularity::Token;
}

tl::unexpected<Error> unsupported(const std::string& message, std::string fix) {
    return fail(ErrorKind::Unsupported, "integer execution: " + message, "variant",
                std::move(fix) + ", or execute it as fake quantization");
}

Status checkWeights(const Recipe& recipe) {
    const auto method = methodNamed(recipe.method);
    if (!method) return fail(method.error());
    const Scheme& s = recipe.scheme;
    const std::string title = schemeTitle(s);
    if (!(*method)->info().runsOnIntegerKernels)
        return unsupported(fmt::format("{} leaves no codes that an integer product can take", recipe.method),
                           "choose rtn, gptq, awq, smoothquant or llm-int8");
    if (s.format != "int")
        return unsupported(fmt::format("weights as {} are no integers", title),
                           "choose int8 or int4 weights");
    if (s.bits > 8)
        return unsupported(fmt::format("weights of {} bits exceed a byte", s.bits), "choose int8 weights");
    if (fractionalZero(s))
        return unsupported(fmt::format("the zero points of {} are no codes", title),
                           "choose symmetric weights or an integer zero point (integer-zero)");
    if (s.granularity == Granularity::InputChannel || s.granularity == Granularity::Block)
        return unsupported("scales that change along the inputs leave no integer sum",
                           "choose one scale a channel, or group=SIZE with int4 weights");
    return {};
}

Status checkActivations(const Scheme& s) {
    if (s.format != "int" || s.bits > 8)
        return unsupported(fmt::format("activations as {} fit no byte", schemeTitle(s)),
                           "choose @act=int8/token");
    if (fractionalZero(s))
        return unsupported("the activations' zero points are no codes",
                           "choose @act=int8/token or @act=uint8/affine/token");
    if (!oneScaleARow(s))
        return unsupported("activation scales that change along the inputs leave no integer sum",
                           "choose @act=int8/token or @act=int8/tensor");
    return {};
}

/// 4-bit panels take codes 0..15 and groups of whole fours.
bool fitsInt4(const Scheme& s) {
    if (s.bits > 4) return false;
    return s.granularity != Granularity::Group || s.groupSize % 4 == 0;
}

}  // namespace

Result<std::optional<IntegerLayout>> integerLayout(const Recipe& recipe,
                                                   const std::optional<ActivationRecipe>& activations) {
    using Layout = std::optional<IntegerLayout>;
    const Scheme& s = recipe.scheme;
    if (recipe.execution == Execution::Fake || s.isFloat()) return Layout{};
    if (Status valid = checkWeights(recipe); !valid) return fail(valid.error());
    const bool group = s.granularity == Granularity::Group;
    if (group && s.groupSize % 4 != 0)
        return unsupported(fmt::format("groups of {} inputs are no whole fours", s.groupSize),
                           "choose group=32, 64 or 128");
    if (!activations || activations->scheme.isFloat()) {
        if (fitsInt4(s)) return Layout{IntegerLayout::Int4Float};
        return unsupported(fmt::format("float activations meet weights of {} bits", s.bits),
                           "add @act=int8/token (w8a8), or choose int4 weights (w4a16)");
    }
    if (Status valid = checkActivations(activations->scheme); !valid) return fail(valid.error());
    const bool symmetric = activations->scheme.mapping == Mapping::Symmetric && activations->scheme.isSigned;
    const bool outliers = activations->outlierThreshold > 0;
    if (fitsInt4(s) && symmetric && !outliers) return Layout{IntegerLayout::Int4};
    if (!group) return Layout{IntegerLayout::Int8};
    if (s.bits > 4)
        return unsupported(fmt::format("group scales of {}-bit weights", s.bits),
                           "choose one scale a channel (int8), or int4 weights");
    return unsupported(fmt::format("group scales together with {}",
                                   outliers ? "outlier channels" : "activations that have a zero point"),
                       outliers ? "choose one scale a channel (int8)" : "choose @act=int8/token");
}

}  // namespace quantscope
