// SPDX-License-Identifier: Apache-2.0
#include "methods/gptq.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/parallel_for.h"
#include "methods/interface/input_order.h"
#include "methods/interface/options.h"
#include "methods/parts/code_rounder.h"
#include "methods/parts/coded_weight.h"
#include "methods/parts/hessian.h"
#include "methods/parts/row_lanes.h"
#include "numerics/linear_algebra.h"
#include "quant/packing.h"
#include "quant/passes/reference.h"

namespace quantscope {
namespace {

constexpr int64_t kBandRows = 3 * kRowLanes;

struct Options {
    double damping = 0.01;
    int64_t block = 128;
    bool actOrder = false;
    bool staticGroups = false;
};

/// Columns that are updated together, rounded up to whole groups: a group that reached over their end would
/// choose its scale before the errors of all columns before it have reached it.
int64_t alignedBlock(int64_t block, const Scheme& scheme) {
    if (scheme.granularity != Granularity::Group || scheme.groupSize % block == 0) return block;
    return (block + scheme.groupSize - 1) / scheme.groupSize * scheme.groupSize;
}

bool movesGroups(const Scheme& scheme, bool actOrder, bool staticGroups) {
    return actOrder && !staticGroups && scheme.granularity == Granularity::Group;
}

/// What all rows share.
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
    std::vector<float>& values;        ///< only where inOrder()

    [[nodiscard]] int64_t channel(int64_t position) const {
        return hessian.order[static_cast<size_t>(position)];
    }
    [[nodiscard]] bool inOrder() const { return movesGroups(scheme, options.actOrder, options.staticGroups); }
    /// Where the code of the column visited at `position` lies.
    [[nodiscard]] int64_t stored(int64_t position) const { return inOrder() ? position : channel(position); }
    /// The group of the column visited at `position`.
    [[nodiscard]] int64_t groupOf(int64_t row, int64_t position) const {
        return layout.groupOf(row, stored(position));
    }
};

/// A band's weights in the order of the loop, those of dead channels 0.
std::vector<float> orderedRows(const Pass& pass, int64_t begin, int64_t end) {
    const int64_t cols = pass.weight.cols;
    std::vector<float> w(static_cast<size_t>((end - begin) * cols));
    for (int64_t r = begin; r < end; ++r)
        for (int64_t j = 0; j < cols; ++j) {
            const int64_t channel = pass.channel(j);
            const bool dead = pass.hessian.dead[static_cast<size_t>(channel)] != 0;
            w[static_cast<size_t>((r - begin) * cols + j)] = dead ? 0.0F : pass.weight.at(r, channel);
        }
    return w;
}

/// Columns first .. last - 1 of up to kRowLanes rows: rounds each, the columns after it take up its errors.
class BlockOfLanes {
 public:
    BlockOfLanes(const Pass& pass, int64_t row, int64_t rows)
        : m_pass(pass),
          m_row(row),
          m_rows(rows),
          m_lanes(static_cast<size_t>(pass.options.block * kRowLanes)),
          m_codes(m_lanes.size()),
          m_errors(m_lanes.size()) {}

    /// `w`: these rows' weights; `errors` [rows x block] takes (w - w^) / U_jj, `losses` their squares.
    void run(int64_t first, int64_t last, const float* w, float* errors, std::vector<double>& losses) {
        const int64_t cols = m_pass.weight.cols;
        m_first = first;
        m_last = last;
        m_group = -1;
        toLanes(w + first, cols, m_rows, last - first, m_lanes.data());
        for (int64_t j = first; j < last; ++j) {
            const float* factors = m_pass.upper.data() + j * cols + j;
            float* column = lane(m_lanes, j);
            float* error = lane(m_errors, j);
            useGroup(j, w);
            float values[kRowLanes];
            const int64_t stored = m_pass.stored(j);
            m_rounder.round(column, static_cast<uint64_t>(m_row * cols + stored), static_cast<uint64_t>(cols),
                            lane(m_codes, j), values);
            double loss = 0;
            for (int64_t r = 0; r < kRowLanes; ++r) {
                error[r] = r < m_rows ? (column[r] - values[r]) / factors[0] : 0;
                loss += static_cast<double>(error[r]) * static_cast<double>(error[r]);
            }
            losses[static_cast<size_t>(j)] += loss;
            if (m_pass.inOrder()) keepValues(j, values);
            subtractOuter(last - j - 1, error, factors + 1, column + kRowLanes);
        }
        fromLanes(m_errors.data(), m_rows, last - first, errors, m_pass.options.block);
        keepCodes();
    }

 private:
    [[nodiscard]] float* lane(std::vector<float>& lanes, int64_t j) const {
        return lanes.data() + (j - m_first) * kRowLanes;
    }

    /// The rounders of column j's group, which is chosen now if the loop has just reached it.
    void useGroup(int64_t j, const float* w) {
        const int64_t group = m_pass.groupOf(m_row, j);
        if (group == m_group) return;
        m_group = group;
        const int64_t cols = m_pass.weight.cols;
        const bool reached = !m_pass.fixedGroups && j % m_pass.layout.blockCols == 0;
        const int64_t size = std::min(m_pass.layout.blockCols, cols - j);
        std::vector<float> own(reached ? static_cast<size_t>(size) : 0);
        for (int64_t r = 0; r < m_rows; ++r) {
            GroupParams& params = m_pass.groups[static_cast<size_t>(m_pass.groupOf(m_row + r, j))];
            if (reached) {
                for (int64_t c = j; c < j + size; ++c)
                    own[static_cast<size_t>(c - j)] = c < m_last ? lane(m_lanes, c)[r] : w[r * cols + c];
                params = blockParams({own.data(), 1, size, size}, m_pass.scheme);
            }
            m_rounder.assign(r, quantizeParams(m_pass.scheme, params));
        }
    }

    void keepValues(int64_t j, const float* values) const {
        const int64_t cols = m_pass.weight.cols;
        for (int64_t r = 0; r < m_rows; ++r)
            m_pass.values[static_cast<size_t>((m_row + r) * cols + m_pass.channel(j))] = values[r];
    }

    void keepCodes() {
        const int64_t cols = m_pass.weight.cols;
        for (int64_t r = 0; r < m_rows; ++r)
            for (int64_t j = m_first; j < m_last; ++j)
                m_pass.codes[static_cast<size_t>((m_row + r) * cols + m_pass.stored(j))] =
                    static_cast<int32_t>(lane(m_codes, j)[r]);
    }

    const Pass& m_pass;
    int64_t m_row;
    int64_t m_rows;
    int64_t m_first = 0;
    int64_t m_last = 0;
    int64_t m_group = -1;
    std::vector<float> m_lanes;
    std::vector<float> m_codes;
    std::vector<float> m_errors;
    LaneRounder m_rounder;
};

/// Rows begin .. end - 1 through all columns; `losses` [columns] takes (w - w^)^2 / U_jj^2.
void quantizeBand(const Pass& pass, int64_t begin, int64_t end, std::vector<double>& losses) {
    const int64_t cols = pass.weight.cols;
    const int64_t block = pass.options.block;
    std::vector<float> w = orderedRows(pass, begin, end);
    std::vector<BlockOfLanes> lanes;
    for (int64_t r = begin; r < end; r += kRowLanes)
        lanes.emplace_back(pass, r, std::min(kRowLanes, end - r));
    std::vector<float> errors(static_cast<size_t>((end - begin) * block));
    for (int64_t first = 0; first < cols; first += block) {
        const int64_t last = std::min(cols, first + block);
        for (size_t i = 0; i < lanes.size(); ++i) {
            const auto row = static_cast<int64_t>(i) * kRowLanes;
            lanes[i].run(first, last, w.data() + row * cols, errors.data() + row * block, losses);
        }
        multiplyAdd(end - begin, cols - last, last - first, errors.data(), block,
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
        info.schemeRules = rulesAlongInputs(info.label);
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
            inputsParameter(InputOrder::Quantized)};
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
    std::vector<float> values;
    Pass pass{weight, recipe.scheme, options, *hessian, *upper, layout, false, groups, codes, values};
    if (pass.inOrder()) values.resize(codes.size());
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
