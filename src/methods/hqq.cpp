// SPDX-License-Identifier: Apache-2.0
#include "methods/hqq.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/parallel_for.h"
#include "methods/interface/options.h"
#include "methods/parts/coded_weight.h"
#include "methods/parts/hqq_step.h"
#include "numerics/linear_algebra.h"
#include "quant/estimators/run_extremes.h"
#include "quant/passes/reference.h"

namespace quantscope {
namespace {

/// The group before the first step: the scale of its minimum and maximum, with the limits of the authors'
/// code.
HqqGroup firstGroup(const float* w, int64_t count, float codes) {
    BlockExtremes extremes;
    addRuns(w, count, count, &extremes);
    const float width = extremes.high - extremes.low;
    HqqGroup group;
    group.inverse = std::abs(width) <= 1e-4F ? 1.0F : std::min(codes / width, 2e4F);
    group.zero = -extremes.low * group.inverse;
    return group;
}

/// body(values, count, group) for all groups in parallel; the sum of what it returns.
template <class Body>
double forGroups(const MatrixView& w, int64_t size, std::vector<HqqGroup>& groups, const Body& body) {
    const int64_t across = (w.cols + size - 1) / size;
    return parallelReduce<double>(
        w.rows, 16,
        [&](int64_t begin, int64_t end) {
            double sum = 0;
            for (int64_t r = begin; r < end; ++r)
                for (int64_t g = 0; g < across; ++g) {
                    const int64_t col = g * size;
                    sum += body(w.row(r) + col, std::min(size, w.cols - col),
                                groups[static_cast<size_t>(r * across + g)]);
                }
            return sum;
        },
        [](double& total, double part) { total += part; });
}

std::vector<SchemeRule> rulesOf(const std::string& label) {
    std::vector<SchemeRule> rules = rulesAlongInputs(label);
    const Error fractional{ErrorKind::InvalidArgument,
                           "HQQ optimizes a fractional zero point",
                           {},
                           "scheme",
                           "choose affine/float-zero"};
    rules.push_back({"mapping", {"affine"}, fractional});
    rules.push_back({"zero-domain", {"float-zero"}, fractional});
    rules.push_back({"granularity",
                     {"channel", "group"},
                     {ErrorKind::Unsupported,
                      "HQQ needs a scale for each row or group",
                      {},
                      "granularity",
                      "choose channel or group=SIZE"}});
    return rules;
}

}  // namespace

std::vector<SchemeRule> Hqq::schemeRules(const Recipe& recipe) const {
    std::vector<SchemeRule> rules = info().schemeRules;
    if (MethodOptions(info(), recipe).text("axis") == "0")
        rules.push_back({"granularity",
                         {"group"},
                         {ErrorKind::Unsupported,
                          "groups along the outputs must divide them",
                          {},
                          "granularity",
                          "choose a group=SIZE that divides the outputs"}});
    return rules;
}

const MethodInfo& Hqq::info() const {
    static const MethodInfo kInfo = [] {
        MethodInfo info;
        info.name = "hqq";
        info.label = "HQQ";
        info.source = "Badri and Shaji, Half-Quadratic Quantization, 2023";
        info.help =
            "moves each group's zero point so that the lp norm (p < 1) of W - W^ shrinks: outliers may stay "
            "wrong, the many others get better. Needs no data.";
        info.kind = MethodKind::Optimized;
        info.scheme.bits = 4;
        info.scheme.mapping = Mapping::Affine;
        info.scheme.zeroPointDomain = ZeroPointDomain::Float;
        info.scheme.rangeIncludesZero = false;
        info.scheme.granularity = Granularity::Group;
        info.scheme.groupSize = 64;
        info.schemeRules = rulesOf(info.label);
        info.ignoredOfScheme = {"convention", "signed", "includes-zero", "rounding", "seed", "inverse"};
        for (std::string& key : rangeKeys()) info.ignoredOfScheme.push_back(std::move(key));
        info.parameters = {
            realParameter("norm", "p", "the norm's exponent", 0.1, 1, "0.7"),
            realParameter("beta", "beta", "weight of the splitting's second term at the start", 0.1, 1000,
                          "10", true),
            realParameter(
                "kappa", "kappa",
                "beta's growth in each step; the paper has 1.01, the authors' code leaves beta as it is", 1,
                2, "1"),
            integerParameter("steps", "Steps", "at most", 1, 1000, "20"),
            choiceParameter("axis", "Axis", "where groups run",
                            {{"1", "Inputs", "consecutive inputs of an output channel"},
                             {"0", "Outputs", "every (out / group)-th output of an input channel"}},
                            "1")};
        return info;
    }();
    return kInfo;
}

/// Groups along the outputs (axis 0) are cut from the flat weight as [group x numel / group]; transposed,
/// each is a row, and the search along the inputs (axis 1) serves both.
Result<LayerResult> Hqq::quantize(const LayerInput& input, const Recipe& recipe, const Job& job) const {
    if (MethodOptions(info(), recipe).text("axis") == "1") return alongInputs(input, recipe, job);
    const MatrixView w = input.weight.matrix();
    const int64_t size = recipe.scheme.groupSize;
    if (w.rows % size != 0) {
        return fail(ErrorKind::Unsupported, "groups along the outputs must divide them", "granularity",
                    fmt::format("choose a group=SIZE that divides {}", w.rows));
    }
    const int64_t groups = w.size() / size;
    const MatrixView flat{w.data, size, groups, groups};
    std::vector<float> turned(static_cast<size_t>(w.size()));
    transpose(flat, turned.data());
    LayerInput gathered = input;
    gathered.weight = Tensor::fromFloats({groups, size}, std::move(turned));
    auto result = alongInputs(gathered, recipe, job);
    if (!result) return result;
    const Tensor values = result->floats();
    std::vector<float> back(static_cast<size_t>(w.size()));
    transpose(values.matrix(), back.data());
    result->values = Tensor::fromFloats(input.weight.shape(), std::move(back));
    result->weight.reset();
    return result;
}

Result<LayerResult> Hqq::alongInputs(const LayerInput& input, const Recipe& recipe, const Job& job) const {
    const MethodOptions options(info(), recipe);
    const MatrixView w = input.weight.matrix();
    Scheme scheme = recipe.scheme;
    scheme.isSigned = false;  // the zero point keeps its fraction only where codes start at 0
    const auto codes = static_cast<float>(codeMax(scheme));
    const GroupLayout layout = GroupLayout::of(scheme, w.rows, w.cols);
    const int64_t size = layout.blockCols;
    std::vector<HqqGroup> groups(static_cast<size_t>(layout.groupCount()));
    forGroups(w, size, groups, [&](const float* values, int64_t count, HqqGroup& group) {
        group = firstGroup(values, count, codes);
        return 0.0;
    });
    auto beta = static_cast<float>(options.real("beta"));
    const auto norm = static_cast<float>(options.real("norm"));
    std::vector<double> steps;
    std::vector<double> errors;
    for (int64_t i = 0; i < options.integer("steps"); ++i) {
        if (!job.proceed(static_cast<double>(i) / static_cast<double>(options.integer("steps")), "HQQ"))
            return fail(ErrorKind::Cancelled, "HQQ was stopped");
        const HqqShrinkage shrinkage(beta, norm);
        const double error =
            forGroups(w, size, groups, [&](const float* values, int64_t count, HqqGroup& group) {
                return hqqStep({values, static_cast<size_t>(count)}, codes, shrinkage, group);
            });
        beta *= static_cast<float>(options.real("kappa"));
        const bool better = errors.empty() || error / static_cast<double>(w.size()) < errors.back();
        steps.push_back(static_cast<double>(i));
        errors.push_back(error / static_cast<double>(w.size()));
        if (!better) break;
    }
    std::vector<GroupParams> params;
    params.reserve(groups.size());
    for (const HqqGroup& group : groups) params.push_back({1.0F / group.inverse, group.zero});
    const int64_t across = layout.groupsAcross();
    LayerResult result = codedResult(
        codedRows(scheme, input.weight.shape(), std::move(params), [&](int64_t r, std::span<int32_t> row) {
            for (int64_t g = 0; g < across; ++g) {
                const auto first = static_cast<size_t>(g * size);
                const size_t count = std::min(static_cast<size_t>(size), row.size() - first);
                hqqCodes({w.row(r) + first, count}, codes, groups[static_cast<size_t>(r * across + g)],
                         row.data() + first);
            }
        }));
    auto trace = std::make_shared<Trace>();
    trace->add("error", "step", "mean |W - W^|", std::move(steps), std::move(errors));
    result.trace = std::move(trace);
    return result;
}

}  // namespace quantscope
