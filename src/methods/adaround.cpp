// SPDX-License-Identifier: Apache-2.0
#include "methods/adaround.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numbers>
#include <optional>
#include <span>
#include <utility>

#include "base/parallel_for.h"
#include "methods/interface/input_order.h"
#include "methods/interface/options.h"
#include "methods/parts/coded_weight.h"
#include "methods/parts/learned_rounding.h"
#include "methods/parts/output_error.h"
#include "numerics/linear_algebra.h"
#include "quant/passes/reference.h"

namespace quantscope {
namespace {

constexpr int64_t kRows = 32;          ///< that learn together, while they are in the cache
constexpr int64_t kPanelColumns = 32;  ///< columns of X^T X that lie side by side in memory

RoundingPlaces placesOf(const MatrixView& w, const Scheme& scheme, const std::vector<GroupParams>& groups) {
    const GroupLayout layout = GroupLayout::of(scheme, w.rows, w.cols);
    RoundingPlaces places;
    const auto size = static_cast<size_t>(w.size());
    places.floors.resize(size);
    places.scales.resize(size);
    places.zeros.resize(size);
    places.low = static_cast<float>(codeMin(scheme));
    places.high = static_cast<float>(codeMax(scheme));
    for (int64_t r = 0; r < w.rows; ++r)
        for (int64_t c = 0; c < w.cols; ++c) {
            const auto i = static_cast<size_t>(r * w.cols + c);
            const GroupParams stored =
                storedParams(groups[static_cast<size_t>(layout.groupOf(r, c))], scheme);
            places.scales[i] = stored.scale;
            places.zeros[i] = stored.zeroPoint;
            const float t = stored.scale == 0 ? 0 : w.at(r, c) / stored.scale;
            places.floors[i] = std::floor(t) + stored.zeroPoint;
        }
    return places;
}

/// The exponent beta at step `step`; 0 in the first fifth of the steps, when the second term does not count.
double sharpness(int64_t step, int64_t steps) {
    const double warm = 0.2 * static_cast<double>(steps);
    if (static_cast<double>(step) < warm) return 0;
    const double part = (static_cast<double>(step) - warm) / (static_cast<double>(steps) - warm);
    return 2 + 0.5 * 18 * (1 + std::cos(part * std::numbers::pi));
}

/// X^T X in panels of columns, so that a few rows times it read memory in order.
class Panels {
 public:
    explicit Panels(std::span<const float> hessian, int64_t side) : m_side(side) {
        m_values.reserve(hessian.size());
        for (int64_t first = 0; first < side; first += kPanelColumns)
            for (int64_t k = 0; k < side; ++k) {
                const float* from = hessian.data() + k * side + first;
                m_values.insert(m_values.end(), from, from + std::min(kPanelColumns, side - first));
            }
    }
    /// to [rows x side] = a X^T X.
    void multiply(int64_t rows, const float* a, std::vector<float>& to) const {
        std::fill(to.begin(), to.end(), 0.0F);
        for (int64_t first = 0; first < m_side; first += kPanelColumns) {
            const int64_t columns = std::min(kPanelColumns, m_side - first);
            multiplyAdd(rows, columns, m_side, a, m_side, m_values.data() + first * m_side, columns,
                        to.data() + first, m_side, 1.0F);
        }
    }

 private:
    int64_t m_side;
    std::vector<float> m_values;
};

/// What all rows of a layer share.
struct Learning {
    const RoundingPlaces& places;
    MatrixView w;
    const Panels& panels;
    double nearestError;
    int64_t steps;
    float rate;
    float lambda;

    [[nodiscard]] int64_t lossEvery() const { return std::max<int64_t>(1, steps / 50); }
};

/// Learns rows begin .. end - 1, from the first step to the last, while they are in the cache: rows do not
/// depend on each other. Adds up the losses; false after a stop.
bool learnRows(const Learning& learning, int64_t begin, int64_t end, std::span<float> up,
               std::vector<double>& losses, const Job& job) {
    const int64_t cols = learning.w.cols;
    const auto first = static_cast<size_t>(begin * cols);
    const auto count = static_cast<size_t>((end - begin) * cols);
    LearnedRounding learned(learning.places, begin * cols, {learning.w.data + first, count}, learning.rate);
    std::vector<float> difference(count);
    std::vector<float> gradient(count);
    const auto weight = static_cast<float>(static_cast<double>(learning.w.size()) / learning.nearestError);
    for (int64_t step = 0; step < learning.steps; ++step) {
        if (job.stopRequested()) return false;
        learned.difference(difference);
        learning.panels.multiply(end - begin, difference.data(), gradient);
        if (step % learning.lossEvery() == 0) {
            double loss = 0;
            for (size_t i = 0; i < count; ++i)
                loss += static_cast<double>(difference[i]) * static_cast<double>(gradient[i]);
            losses.push_back(loss / learning.nearestError);
        }
        learned.descend({step, weight, learning.lambda, static_cast<float>(sharpness(step, learning.steps))},
                        gradient);
    }
    learned.decide(up.subspan(first, count));
    return true;
}

/// The rounding of every weight, 1 up and 0 down, and the loss along the way; nothing after a stop.
std::optional<std::vector<float>> learn(const Learning& learning, std::vector<double>& losses,
                                        const Job& job) {
    const int64_t rows = learning.w.rows;
    std::vector<float> up(static_cast<size_t>(learning.w.size()));
    std::atomic<int64_t> done{0};
    std::atomic<bool> stopped{false};
    using Losses = std::vector<double>;
    losses = parallelReduce<Losses>(
        rows, kRows,
        [&](int64_t begin, int64_t end) {
            Losses own;
            if (stopped || !learnRows(learning, begin, end, up, own, job.quiet())) stopped = true;
            const int64_t now = done += end - begin;
            if (!job.proceed(static_cast<double>(now) / static_cast<double>(rows), "AdaRound"))
                stopped = true;
            return own;
        },
        [](Losses& total, const Losses& part) {
            total.resize(std::max(total.size(), part.size()));
            for (size_t i = 0; i < part.size(); ++i) total[i] += part[i];
        });
    if (stopped) return std::nullopt;
    return up;
}

/// Turns single weights of every row round while that lowers the row's output error: rounding all weights at
/// once loses a part of what was learned for them together.
void turnRound(const RoundingPlaces& places, const MatrixView& w, std::span<const float> hessian,
               const ProductFunction& product, std::vector<float>& up) {
    std::vector<float> difference(up.size());
    std::vector<float> slopes(up.size());
    for (size_t i = 0; i < up.size(); ++i) difference[i] = places.value(i, up[i]) - w.data[i];
    product({difference.data(), w.rows, w.cols, w.cols}, {hessian.data(), w.cols, w.cols, w.cols},
            slopes.data());
    parallelFor(w.rows, 1, [&](int64_t row, int64_t) {
        const auto first = static_cast<size_t>(row * w.cols);
        const auto count = static_cast<size_t>(w.cols);
        std::vector<double> d(difference.begin() + row * w.cols, difference.begin() + (row + 1) * w.cols);
        std::vector<double> slope(slopes.begin() + row * w.cols, slopes.begin() + (row + 1) * w.cols);
        turnRow(places, first, std::span(up).subspan(first, count), d, slope, hessian);
    });
}

}  // namespace

const MethodInfo& AdaRound::info() const {
    static const MethodInfo kInfo = [] {
        MethodInfo info;
        info.name = "adaround";
        info.label = "AdaRound";
        info.source = "Nagel et al., ICML 2020 (arXiv:2004.10568)";
        info.help =
            "learns for each weight whether to round down or up: min over V of ||(W - W~(V)) X||^2 + lambda "
            "sum (1 - |2 h(V) - 1|^beta)";
        info.needs = CalibrationNeed::Hessian;
        info.kind = MethodKind::Learned;
        info.runsOnIntegerKernels = true;
        info.minimumBits = 3;
        info.scheme.bits = 4;
        info.scheme.mapping = Mapping::Affine;
        info.scheme.granularity = Granularity::Group;
        info.schemeRules = rulesAlongInputs(info.label);
        info.schemeRules.push_back({"zero-domain",
                                    {"integer-zero"},
                                    {ErrorKind::Unsupported,
                                     "AdaRound needs an integer zero point",
                                     {},
                                     "scheme",
                                     "choose affine or symmetric"}});
        info.ignoredOfScheme = {"rounding", "seed", "zero-inside", "inverse"};
        info.parameters = {
            integerParameter("steps", "Steps", "of Adam", 1, 100'000, "300"),
            realParameter("rate", "Learning rate", "of Adam", 1e-4, 1, "0.03", true),
            realParameter("lambda", "lambda", "weight of the second term", 0, 100, "3", true),
            toggleParameter("turns", "Single turns",
                            "afterwards turn single weights round while that lowers the error", true),
            inputsParameter()};
        return info;
    }();
    return kInfo;
}

Result<LayerResult> AdaRound::quantize(const LayerInput& input, const Recipe& recipe, const Job& job) const {
    const Scheme& scheme = recipe.scheme;
    const MethodOptions options(info(), recipe);
    const MatrixView w = input.weight.matrix();
    const auto groups = chooseGroupParams(w, scheme, job.quiet());
    if (!groups) return fail(groups.error());
    const RoundingPlaces places = placesOf(w, scheme, *groups);
    const std::vector<float> nearest = roundTrip(w, scheme, *groups);
    const std::vector<float>& hessian = input.calibration->hessian;
    const MatrixView nearestView{nearest.data(), w.rows, w.cols, w.cols};
    const OutputError outputError(hessian, w.cols);
    const double nearestError = outputError.of(nearestView, w);

    const Panels panels(hessian, w.cols);
    const Learning learning{places,
                            w,
                            panels,
                            nearestError,
                            nearestError > 0 ? options.integer("steps") : 0,
                            static_cast<float>(options.real("rate")),
                            static_cast<float>(options.real("lambda"))};
    std::vector<double> losses;
    auto learned = learn(learning, losses, job);
    if (!learned) return fail(ErrorKind::Cancelled, "AdaRound was stopped");
    std::vector<float>& up = *learned;
    if (options.toggle("turns") && nearestError > 0) turnRound(places, w, hessian, input.product, up);
    std::vector<int32_t> codes(up.size());
    std::vector<float> values(up.size());
    for (size_t i = 0; i < values.size(); ++i) {
        codes[i] = static_cast<int32_t>(std::clamp(places.floors[i] + up[i], places.low, places.high));
        values[i] = places.value(i, up[i]);
    }
    if (!(outputError.of({values.data(), w.rows, w.cols, w.cols}, w) <= nearestError)) {
        auto plain = quantscope::quantize(input.weight, scheme, job);
        if (!plain) return fail(plain.error());
        LayerResult result = codedResult(std::move(*plain));
        result.notes.emplace_back("what was learned is worse than rounding to nearest, which was taken");
        return result;
    }
    LayerResult result = codedResult(codedWeight(scheme, input.weight.shape(), codes, *groups));
    std::vector<double> at;
    for (size_t i = 0; i < losses.size(); ++i)
        at.push_back(static_cast<double>(static_cast<int64_t>(i) * learning.lossEvery()));
    auto trace = std::make_shared<Trace>();
    trace->add("loss", "step", "||(W - W~) X||^2 / that of rounding to nearest", std::move(at),
               std::move(losses));
    result.trace = std::move(trace);
    return result;
}

}  // namespace quantscope
