// SPDX-License-Identifier: Apache-2.0
#include "methods/gptq.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/parallel_for.h"
#include "methods/code_rounder.h"
#include "methods/coded_weight.h"
#include "methods/hessian.h"
#include "methods/linear_algebra.h"
#include "methods/options.h"
#include "quant/packing.h"
#include "quant/reference.h"

namespace quantscope {
namespace {

constexpr int64_t kBandRows = 32;

struct Options {
    double damping = 0.01;
    int64_t block = 128;
    bool actOrder = false;
    bool staticGroups = false;
};

/// A block that a group straddles would choose that group's scale before all errors have reached it.
int64_t alignedBlock(int64_t block, const Scheme& scheme) {
    if (scheme.granularity != Granularity::Group || scheme.groupSize % block == 0) return block;
    return (block + scheme.groupSize - 1) / scheme.groupSize * scheme.groupSize;
}

bool movesGroups(const Scheme& scheme, bool actOrder, bool staticGroups) {
    return actOrder && !staticGroups && scheme.granularity == Granularity::Group;
}

/// All of it that does not depend on the row.
struct Pass {
    const MatrixView weight;
    const Scheme& scheme;
    const Options& options;
    const PreparedHessian& hessian;
    const std::vector<float>& upper;
    GroupLayout layout;
    bool fixedGroups = false;          ///< parameters are known before the first column
    std::vector<GroupParams>& groups;  ///< [rows x groups across]
    std::vector<int32_t>& codes;       ///< in the order of the columns as stored
    std::vector<float>& values;

    [[nodiscard]] int64_t channel(int64_t position) const {
        return hessian.order[static_cast<size_t>(position)];
    }
    [[nodiscard]] bool inOrder() const { return movesGroups(scheme, options.actOrder, options.staticGroups); }
    /// The group of the column visited at `position`.
    [[nodiscard]] int64_t groupOf(int64_t row, int64_t position) const {
        return layout.groupOf(row, inOrder() ? position : channel(position));
    }
};

/// Rows begin .. end - 1 through all columns; `losses` [columns] takes (w - w^)^2 / U_jj^2.
void quantizeBand(const Pass& pass, int64_t begin, int64_t end, std::vector<double>& losses) {
    const int64_t cols = pass.weight.cols;
    const int64_t rows = end - begin;
    std::vector<float> w(static_cast<size_t>(rows * cols));
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t j = 0; j < cols; ++j) {
            const int64_t channel = pass.channel(j);
            const bool dead = pass.hessian.dead[static_cast<size_t>(channel)] != 0;
            w[static_cast<size_t>(r * cols + j)] = dead ? 0.0F : pass.weight.at(begin + r, channel);
        }
    const bool grouped = !pass.fixedGroups;
    const int64_t block = pass.options.block;
    std::vector<float> errors(static_cast<size_t>(rows * block));
    for (int64_t first = 0; first < cols; first += block) {
        const int64_t last = std::min(cols, first + block);
        for (int64_t r = 0; r < rows; ++r) {
            float* row = w.data() + r * cols;
            int64_t group = -1;
            CodeRounder rounder{QuantizeParams{}};
            for (int64_t j = first; j < last; ++j) {
                const int64_t own = pass.groupOf(begin + r, j);
                if (own != group) {
                    group = own;
                    GroupParams& params = pass.groups[static_cast<size_t>(group)];
                    if (grouped && j % pass.layout.blockCols == 0) {
                        const int64_t size = std::min(pass.layout.blockCols, cols - j);
                        params = blockParams({row + j, 1, size, size}, pass.scheme);
                    }
                    rounder = CodeRounder(quantizeParams(pass.scheme, params));
                }
                const int64_t stored = pass.inOrder() ? j : pass.channel(j);
                const auto at = static_cast<size_t>((begin + r) * cols + stored);
                const float code = rounder.code(row[j], static_cast<uint64_t>(at));
                const float value = rounder.value(code);
                const float error = (row[j] - value) / pass.upper[static_cast<size_t>(j * cols + j)];
                pass.codes[at] = static_cast<int32_t>(code);
                pass.values[static_cast<size_t>((begin + r) * cols + pass.channel(j))] = value;
                losses[static_cast<size_t>(j)] += static_cast<double>(error) * static_cast<double>(error);
                errors[static_cast<size_t>(r * block + j - first)] = error;
                addScaled(last - j - 1, -error, pass.upper.data() + j * cols + j + 1, row + j + 1);
            }
        }
        multiplyAdd(rows, cols - last, last - first, errors.data(), block,
                    pass.upper.data() + first * cols + last, cols, w.data() + last, cols, -1.0F);
    }
}

/// The parameters that GPTQ fixes before the loop: of whole rows or the tensor, and of static groups (dead
/// channels count as 0 in the latter, as in the peer).
Status fixGroups(const Pass& pass, const LayerInput& input, const Job& job) {
    Tensor source = input.weight;
    if (pass.scheme.granularity == Granularity::Group) {
        std::vector<float> alive(input.weight.floats().begin(), input.weight.floats().end());
        for (size_t i = 0; i < alive.size(); ++i)
            if (pass.hessian.dead[i % static_cast<size_t>(pass.weight.cols)] != 0) alive[i] = 0;
        source = Tensor::fromFloats(input.weight.shape(), std::move(alive));
    }
    auto groups = chooseGroupParams(source.matrix(), pass.scheme, job.quiet());
    if (!groups) return fail(groups.error());
    pass.groups = std::move(*groups);
    return {};
}

std::shared_ptr<const Trace> traceOf(const PreparedHessian& hessian, const std::vector<double>& losses,
                                     const CalibrationStatistics& calibration) {
    auto trace = std::make_shared<Trace>();
    std::vector<double> position(losses.size());
    std::vector<double> diagonal(losses.size());
    std::vector<double> channel(losses.size());
    for (size_t j = 0; j < losses.size(); ++j) {
        position[j] = static_cast<double>(j);
        channel[j] = hessian.order[j];
        diagonal[j] = calibration.meanSquare[static_cast<size_t>(hessian.order[j])];
    }
    trace->add("loss", "column, in the order of the loop", "sum over rows of (w - w^)^2 / (2 U_jj^2)",
               position, losses);
    trace->add("order", "column, in the order of the loop", "input channel", position, std::move(channel));
    trace->add("diagonal", "column, in the order of the loop", "mean square of the input",
               std::move(position), std::move(diagonal));
    return trace;
}

}  // namespace

const MethodInfo& Gptq::info() const {
    static const MethodInfo kInfo = [] {
        MethodInfo info;
        info.name = "gptq";
        info.label = "GPTQ";
        info.source = "Frantar et al., ICLR 2023 (arXiv:2210.17323)";
        info.help =
            "Rounds column by column; the columns that are left take up each error so that ||X W^T - X "
            "W^^T||^2 stays least: e = (w_j - w^_j) / U_jj, w_k -= e U_jk with (X^T X + damping)^-1 = U^T U.";
        info.needs = CalibrationNeed::Hessian;
        info.kind = MethodKind::Optimized;
        info.runsOnIntegerKernels = true;
        info.minimumBits = 3;
        info.scheme.bits = 4;
        info.scheme.symmetricRange = SymmetricRange::Full;
        info.scheme.granularity = Granularity::Group;
        info.parameters = {
            realParameter("damp", "Damping",
                          "added to the diagonal of X^T X, as a part of its mean: steadies the inverse", 0, 1,
                          "0.01"),
            integerParameter("block", "Block",
                             "columns updated one by one before the others follow in one "
                             "product; no influence on the result but rounding",
                             1, 8192, "128"),
            toggleParameter("act-order", "Act order",
                            "columns with the largest inputs first; groups follow that order unless static"),
            toggleParameter(
                "static-groups", "Static groups",
                "all scales are chosen before the first column, so that act order needs no index"),
            inputsParameter()};
        return info;
    }();
    return kInfo;
}

double Gptq::storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const {
    const MethodOptions options(info(), recipe);
    const bool index =
        movesGroups(recipe.scheme, options.toggle("act-order"), options.toggle("static-groups"));
    return Method::storedBytes(recipe, rows, cols) + (index ? 4.0 * static_cast<double>(cols) : 0.0);
}

Result<LayerResult> Gptq::quantize(const LayerInput& input, const Recipe& recipe, const Job& job) const {
    if (Status valid = checkGroupsAlongInputs(recipe.scheme, "GPTQ"); !valid) return fail(valid.error());
    const MethodOptions chosen(info(), recipe);
    const Options options{chosen.real("damp"), alignedBlock(chosen.integer("block"), recipe.scheme),
                          chosen.toggle("act-order"), chosen.toggle("static-groups")};
    const MatrixView weight = input.weight.matrix();
    const auto factored = factoredHessian(*input.calibration, options.damping, options.actOrder);
    if (!factored) return fail(factored.error());
    const PreparedHessian* hessian = &(*factored)->hessian;
    const std::vector<float>* upper = &(*factored)->upper;
    if (!job.proceed(0.2, "GPTQ")) return fail(ErrorKind::Cancelled, "GPTQ was stopped");

    const GroupLayout layout = GroupLayout::of(recipe.scheme, weight.rows, weight.cols);
    std::vector<GroupParams> groups(static_cast<size_t>(layout.groupCount()));
    std::vector<int32_t> codes(static_cast<size_t>(weight.size()));
    std::vector<float> values(codes.size());
    Pass pass{weight, recipe.scheme, options, *hessian, *upper, layout, false, groups, codes, values};
    pass.fixedGroups = options.staticGroups || recipe.scheme.granularity != Granularity::Group;
    if (pass.fixedGroups) {
        if (Status fixed = fixGroups(pass, input, job); !fixed) return fail(fixed.error());
    }
    std::atomic<int64_t> done{0};
    std::atomic<bool> stopped{false};
    const auto losses = parallelReduce<std::vector<double>>(
        weight.rows, kBandRows,
        [&](int64_t begin, int64_t end) {
            std::vector<double> part(static_cast<size_t>(weight.cols));
            if (stopped) return part;
            quantizeBand(pass, begin, end, part);
            const double finished =
                static_cast<double>(done += end - begin) / static_cast<double>(weight.rows);
            if (!job.proceed(0.2 + 0.8 * finished, "GPTQ")) stopped = true;
            return part;
        },
        [](std::vector<double>& total, const std::vector<double>& part) {
            total.resize(part.size());
            for (size_t i = 0; i < part.size(); ++i) total[i] += part[i] / 2;
        });
    if (stopped) return fail(ErrorKind::Cancelled, "GPTQ was stopped");

    LayerResult result =
        codedResult(codedWeight(recipe.scheme, input.weight.shape(), codes, std::move(groups)));
    if (pass.inOrder()) {
        result.transform = ActivationTransform{{}, {}, hessian->order};
        result.values = Tensor::fromFloats(input.weight.shape(), std::move(values));
        result.bytes += sizeof(int32_t) * hessian->order.size();
    }
    result.notes = hessian->notes;
    result.trace = traceOf(*hessian, losses, *input.calibration);
    return result;
}

}  // namespace quantscope
