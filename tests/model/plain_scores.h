// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "methods/interface/variant.h"
#include "methods/registry.h"
#include "model/evaluation/windows.h"
#include "tiny_model.h"

namespace quantscope::test {

/// A copy of the model with the variant's weights, for the plain form.
inline TinyModel changed(const Variant& variant) {
    TinyModel model;
    for (const LinearInfo& layer : model.linears()) {
        if (layer.block < 0) continue;
        const Recipe& recipe = recipeFor(variant, layer.name);
        if (recipe.scheme.format == "float") continue;
        const auto result =
            (*methodNamed(recipe.method))->quantize({layer.name, *model.weight(layer.name)}, recipe, {});
        model.replace(layer.name, result->floats());
    }
    return model;
}

inline double logSumExp(const std::vector<double>& row) {
    const double largest = *std::ranges::max_element(row);
    double sum = 0;
    for (const double v : row) sum += std::exp(v - largest);
    return largest + std::log(sum);
}

/// Scores as the definitions say, from plain forward passes in double.
struct PlainScores {
    std::vector<double> nll, kl, deltaNll, deltaP, same;
};

inline PlainScores plainScores(const Variant& variant, const WindowedText& text) {
    const TinyModel reference;
    const TinyModel other = changed(variant);
    PlainScores scores;
    for (const Window& window : text.windows) {
        const Rows base = PlainForward(reference).logits(text.input(window));
        const Rows own = PlainForward(other).logits(text.input(window));
        for (int64_t i = 0; i < window.scored; ++i) {
            const auto& z0 = base[static_cast<size_t>(window.firstScored + i)];
            const auto& z = own[static_cast<size_t>(window.firstScored + i)];
            const auto target = static_cast<size_t>(text.target(window, i));
            const double lse0 = logSumExp(z0);
            const double lse = logSumExp(z);
            double kl = 0;
            for (size_t v = 0; v < z.size(); ++v)
                kl += std::exp(z0[v] - lse0) * ((z0[v] - lse0) - (z[v] - lse));
            scores.nll.push_back(lse - z[target]);
            scores.kl.push_back(kl);
            scores.deltaNll.push_back((lse - z[target]) - (lse0 - z0[target]));
            scores.deltaP.push_back(std::exp(z[target] - lse) - std::exp(z0[target] - lse0));
            const auto top = [](const std::vector<double>& row) {
                return std::ranges::max_element(row) - row.begin();
            };
            scores.same.push_back(top(z) == top(z0) ? 1 : 0);
        }
    }
    return scores;
}

inline double mean(const std::vector<double>& x) {
    double sum = 0;
    for (const double v : x) sum += v;
    return sum / static_cast<double>(x.size());
}
inline double standardError(const std::vector<double>& x) {
    double squares = 0;
    for (const double v : x) squares += v * v;
    const auto n = static_cast<double>(x.size());
    return std::sqrt((squares / n - mean(x) * mean(x)) / (n - 1));
}

}  // namespace quantscope::test
