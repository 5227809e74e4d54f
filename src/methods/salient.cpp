// SPDX-License-Identifier: Apache-2.0
#include "methods/salient.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "methods/interface/input_order.h"
#include "methods/interface/options.h"
#include "methods/parts/coded_weight.h"
#include "methods/parts/stored_values.h"
#include "tensor/float_bits.h"

namespace quantscope {
namespace {

int64_t keptOf(double percent, int64_t cols) {
    return std::clamp<int64_t>(std::llround(percent / 100 * static_cast<double>(cols)), 0, cols);
}

std::vector<double> scoresOf(const LayerInput& input, const std::string& by, uint64_t seed) {
    const MatrixView w = input.weight.matrix();
    std::vector<double> scores(static_cast<size_t>(w.cols), 0);
    if (by == "activation") return input.calibration->meanAbs;
    const CounterRandom random(seed, 0x5A11E);
    for (int64_t c = 0; c < w.cols; ++c) {
        double& score = scores[static_cast<size_t>(c)];
        if (by == "random") score = random.uniform(static_cast<uint64_t>(c));
        for (int64_t r = 0; by == "weight" && r < w.rows; ++r)
            score += static_cast<double>(w.at(r, c)) * static_cast<double>(w.at(r, c));
    }
    return scores;
}

}  // namespace

const MethodInfo& KeepSalient::info() const {
    static const MethodInfo kInfo = [] {
        MethodInfo info;
        info.name = "salient";
        info.label = "Keep 1% in F16";
        info.noCodes =
            "some input channels stay floats, which have no code; the others are rounded to nearest";
        info.source = "Lin et al., AWQ, MLSys 2024, table 1";
        info.help =
            "the input channels with the largest inputs stay in F16, all others are rounded to nearest";
        info.needs = CalibrationNeed::Moments;
        info.minimumBits = 3;
        info.scheme.bits = 3;
        info.scheme.granularity = Granularity::Group;
        info.parameters = {realParameter("keep", "Keep", "percent of the input channels", 0, 100, "1"),
                           choiceParameter("by", "By", "what makes a channel salient",
                                           {{"activation", "Inputs", "mean |x_j|"},
                                            {"weight", "Weights", "norm of the column"},
                                            {"random", "Chance", "a seeded choice, to compare with"}},
                                           "activation"),
                           integerParameter("seed", "Seed", "of the random choice", 0, 1'000'000'000, "0"),
                           inputsParameter()};
        return info;
    }();
    return kInfo;
}

CalibrationNeed KeepSalient::needs(const Recipe& recipe) const {
    return MethodOptions(info(), recipe).text("by") == "activation" ? CalibrationNeed::Moments
                                                                    : CalibrationNeed::None;
}

double KeepSalient::storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const {
    const auto kept = static_cast<double>(keptOf(MethodOptions(info(), recipe).real("keep"), cols));
    // A channel that is kept stores an index instead of codes.
    return Method::storedBytes(recipe, rows, cols) -
           kept * static_cast<double>(rows) * recipe.scheme.bits / 8 +
           kept * (2 * static_cast<double>(rows) + 4);
}

Result<LayerResult> KeepSalient::quantize(const LayerInput& input, const Recipe& recipe,
                                          const Job& job) const {
    const MethodOptions options(info(), recipe);
    const MatrixView w = input.weight.matrix();
    auto values = roundTrip(w, recipe.scheme, job);
    if (!values) return fail(values.error());
    const std::vector<double> scores =
        scoresOf(input, options.text("by"), static_cast<uint64_t>(options.integer("seed")));
    std::vector<int64_t> order(scores.size());
    std::iota(order.begin(), order.end(), int64_t{0});
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        return scores[static_cast<size_t>(a)] > scores[static_cast<size_t>(b)];
    });
    order.resize(static_cast<size_t>(keptOf(options.real("keep"), w.cols)));
    for (const int64_t c : order)
        for (int64_t r = 0; r < w.rows; ++r)
            (*values)[static_cast<size_t>(r * w.cols + c)] = floatFromF16(f16FromFloat(w.at(r, c)));
    return valuesResult(input.weight.shape(), std::move(*values), storedBytes(recipe, w.rows, w.cols));
}

}  // namespace quantscope
