// SPDX-License-Identifier: Apache-2.0
#include "methods/rotation.h"

#include <fmt/format.h>

#include "base/random.h"
#include "methods/interface/options.h"
#include "methods/parts/coded_weight.h"
#include "methods/parts/hadamard.h"

namespace quantscope {

const MethodInfo& HadamardRotation::info() const {
    static const MethodInfo kInfo = [] {
        MethodInfo info;
        info.name = "hadamard";
        info.label = "Hadamard rotation";
        info.source = "Ashkboos et al., QuaRot, NeurIPS 2024 (arXiv:2404.00456)";
        info.help =
            "x <- H D x, W <- W D H^T with a Hadamard matrix H and random signs D, then round to nearest";
        info.runsOnIntegerKernels = true;
        info.minimumBits = 4;
        info.scheme.bits = 4;
        info.scheme.granularity = Granularity::Group;
        info.parameters = {integerParameter("seed", "Seed", "of the signs", 0, 1'000'000'000, "0")};
        return info;
    }();
    return kInfo;
}

double HadamardRotation::storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const {
    const int64_t signBytes = (cols + 7) / 8;
    return Method::storedBytes(recipe, rows, cols) + static_cast<double>(signBytes);
}

Result<LayerResult> HadamardRotation::quantize(const LayerInput& input, const Recipe& recipe,
                                               const Job& job) const {
    const auto seed = static_cast<uint64_t>(MethodOptions(info(), recipe).integer("seed"));
    const int64_t cols = input.weight.cols();
    const CounterRandom random(seed, 0x5160);
    ActivationTransform transform;
    for (int64_t j = 0; j < cols; ++j)
        transform.signs.push_back((random.bits(static_cast<uint64_t>(j)) & 1) != 0 ? 1.0F : -1.0F);
    auto result = roundInBasis(inBasis(transform, input.weight), recipe.scheme, transform,
                               static_cast<uint64_t>((cols + 7) / 8), job);
    if (!result) return result;
    const int64_t order = Hadamard(cols).order();
    if (order != cols)
        result->notes.push_back(
            fmt::format("no Hadamard matrix of order {} is built: blocks of {} are rotated", cols, order));
    return result;
}

}  // namespace quantscope
