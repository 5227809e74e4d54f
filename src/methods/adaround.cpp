// SPDX-License-Identifier: Apache-2.0
#include "methods/adaround.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>
#include <utility>

#include "base/parallel_for.h"
#include "methods/coded_weight.h"
#include "methods/options.h"
#include "quant/reference.h"

namespace quantscope {
namespace {

constexpr float kHigh = 1.1F;
constexpr float kLow = -0.1F;
constexpr int64_t kGrain = 1 << 14;

using Values = Eigen::Map<Eigen::ArrayXf>;

using ConstValues = Eigen::Map<const Eigen::ArrayXf>;

Values part(std::vector<float>& values, int64_t begin, int64_t end) {
    return {values.data() + begin, end - begin};
}
ConstValues part(const std::vector<float>& values, int64_t begin, int64_t end) {
    return {values.data() + begin, end - begin};
}

/// h before its clamp, from sigmoid(V).
constexpr float stretched(float sigmoid) {
    return sigmoid * (kHigh - kLow) + kLow;
}

/// What each weight needs: the code below it, its scale and the limits.
struct Places {
    std::vector<float> floors;  ///< floor(w / S + Z), as codes
    std::vector<float> scales;
    std::vector<float> zeros;
    float low = 0;
    float high = 0;

    [[nodiscard]] float value(size_t i, float up) const {
        return (std::clamp(floors[i] + up, low, high) - zeros[i]) * scales[i];
    }
};

Places placesOf(const MatrixView& w, const Scheme& scheme, const std::vector<GroupParams>& groups) {
    const GroupLayout layout = GroupLayout::of(scheme, w.rows, w.cols);
    Places places;
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

/// V for which h(V) is the fraction of w / S + Z.
std::vector<float> startingPoint(const MatrixView& w, const Places& places) {
    std::vector<float> v(places.floors.size());
    for (size_t i = 0; i < v.size(); ++i) {
        const float t = places.scales[i] == 0 ? 0 : w.data[i] / places.scales[i];
        const float fraction = t + places.zeros[i] - places.floors[i];
        v[i] = -std::log((kHigh - kLow) / (std::clamp(fraction, 0.0F, 1.0F) - kLow) - 1);
    }
    return v;
}

/// beta of step `step`, or 0 while the second term rests.
double sharpness(int64_t step, int64_t steps) {
    const double warm = 0.2 * static_cast<double>(steps);
    if (static_cast<double>(step) < warm) return 0;
    const double part = (static_cast<double>(step) - warm) / (static_cast<double>(steps) - warm);
    return 2 + 0.5 * 18 * (1 + std::cos(part * std::numbers::pi));
}

/// What is learned, with Adam's moments. Sigmoids are kept: an exponential a weight and step is enough.
class LearnedRounding {
 public:
    LearnedRounding(const Places& places, std::vector<float> start, float rate)
        : m_places(places),
          m_v(std::move(start)),
          m_sigmoid(m_v.size()),
          m_first(m_v.size()),
          m_second(m_v.size()),
          m_rate(rate) {
        refresh(0, std::ssize(m_v));
    }

    /// W~ - W of a run of weights.
    void difference(const MatrixView& w, int64_t begin, int64_t end, std::vector<float>& to) const {
        for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i)
            to[i] = m_places.value(i, std::clamp(stretched(m_sigmoid[i]), 0.0F, 1.0F)) - w.data[i];
    }
    /// What one step needs beside the gradient.
    struct Step {
        int64_t index = 0;
        float weight = 0;  ///< of the first term
        float lambda = 0;
        float beta = 0;  ///< 0: no second term yet
    };
    /// Adam's step along d||(W~ - W) X||^2 / 2 dW~, which is lost.
    void descend(const Step& step, int64_t begin, int64_t end, std::vector<float>& gradients) {
        const ConstValues sigmoid = part(std::as_const(m_sigmoid), begin, end);
        // |2 h - 1|^(beta - 1)
        Eigen::ArrayXf power(end - begin);
        if (step.beta > 0)
            power =
                ((step.beta - 1) * (2 * (sigmoid * (kHigh - kLow) + kLow) - 1).abs().max(kTiny).log()).exp();
        else
            power.setZero();
        Values gradient = part(gradients, begin, end);
        for (int64_t j = 0; j < end - begin; ++j)
            gradient[j] = slopeOf(step, begin + j, gradient[j], power[j]);
        Values first = part(m_first, begin, end);
        Values second = part(m_second, begin, end);
        first = kFirst * first + (1 - kFirst) * gradient;
        second = kSecond * second + (1 - kSecond) * gradient.square();
        const auto count = static_cast<float>(step.index + 1);
        const float firstScale = 1 - std::pow(kFirst, count);
        const float secondScale = 1 - std::pow(kSecond, count);
        part(m_v, begin, end) -= m_rate / firstScale * first / ((second / secondScale).sqrt() + 1e-8F);
        refresh(begin, end);
    }
    /// 1 where the weight goes up.
    [[nodiscard]] float up(size_t i) const { return stretched(m_sigmoid[i]) >= 0.5F ? 1.0F : 0.0F; }

 private:
    static constexpr float kFirst = 0.9F;
    static constexpr float kSecond = 0.999F;
    static constexpr float kTiny = 1e-30F;

    /// d loss / dV of weight `at`.
    [[nodiscard]] float slopeOf(const Step& step, int64_t at, float gradient, float power) const {
        const auto i = static_cast<size_t>(at);
        const float sigmoid = m_sigmoid[i];
        const float h = stretched(sigmoid);
        const float code = m_places.floors[i] + h;
        // Everything is computed and then chosen, so that the compiler may take several weights at once.
        // Outside the grid's limits the code stays where it is; the clamp of h passes no gradient.
        const bool moves = (code >= m_places.low) & (code <= m_places.high);
        const float slope = 2 * step.weight * gradient * m_places.scales[i];
        const float sharpening = 2 * step.lambda * step.beta * power;
        const float sum = (moves ? slope : 0.0F) - std::copysign(sharpening, 2 * h - 1);
        const float whole = sum * sigmoid * (1 - sigmoid) * (kHigh - kLow);
        return ((h > 0) & (h < 1)) ? whole : 0.0F;
    }
    void refresh(int64_t begin, int64_t end) {
        part(m_sigmoid, begin, end) = 1 / (1 + (-part(m_v, begin, end)).exp());
    }

    const Places& m_places;
    std::vector<float> m_v;
    std::vector<float> m_sigmoid;
    std::vector<float> m_first;
    std::vector<float> m_second;
    float m_rate;
};

/// Turns single weights of a row round, always the one that lowers d H d^T most, until none does.
/// `up` and `d` = W~ - W belong to the row; `slope` is d H.
void turnRow(const Places& places, size_t first, std::span<float> up, std::span<double> d,
             std::span<double> slope, std::span<const float> hessian) {
    const size_t count = up.size();
    double error = 0;
    for (size_t i = 0; i < count; ++i) error += d[i] * slope[i];
    const double least = 1e-9 * error;
    for (size_t turns = 0; turns < 4 * count; ++turns) {
        size_t best = count;
        double bestGain = least;
        for (size_t i = 0; i < count; ++i) {
            const double change = static_cast<double>(places.value(first + i, 1 - up[i])) -
                                  static_cast<double>(places.value(first + i, up[i]));
            const double gain =
                -change * (2 * slope[i] + change * static_cast<double>(hessian[i * count + i]));
            if (gain <= bestGain) continue;
            bestGain = gain;
            best = i;
        }
        if (best == count) return;
        const double change = static_cast<double>(places.value(first + best, 1 - up[best])) -
                              static_cast<double>(places.value(first + best, up[best]));
        up[best] = 1 - up[best];
        d[best] += change;
        for (size_t i = 0; i < count; ++i)
            slope[i] += change * static_cast<double>(hessian[best * count + i]);
    }
}

/// The same for every row. Rounding all weights at once undoes a part of what was learned together; this
/// takes it back.
void turnRound(const Places& places, const MatrixView& w, std::span<const float> hessian,
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
    if (Status valid = checkGroupsAlongInputs(scheme, "AdaRound"); !valid) return fail(valid.error());
    if (scheme.mapping == Mapping::Affine && scheme.zeroPointDomain != ZeroPointDomain::Integer)
        return fail(ErrorKind::Unsupported, "AdaRound needs an integer zero point", "scheme",
                    "choose affine or symmetric");
    const MethodOptions options(info(), recipe);
    const MatrixView w = input.weight.matrix();
    const auto groups = chooseGroupParams(w, scheme, job.quiet());
    if (!groups) return fail(groups.error());
    const Places places = placesOf(w, scheme, *groups);
    const std::vector<float> nearest = roundTrip(w, scheme, *groups);
    const std::vector<float>& hessian = input.calibration->hessian;
    const MatrixView nearestView{nearest.data(), w.rows, w.cols, w.cols};
    const double nearestError = outputError(nearestView, w, hessian, input.product);

    LearnedRounding learned(places, startingPoint(w, places), static_cast<float>(options.real("rate")));
    const int64_t steps = options.integer("steps");
    const auto lambda = static_cast<float>(options.real("lambda"));
    const auto weight =
        nearestError > 0 ? static_cast<float>(static_cast<double>(w.size()) / nearestError) : 0.0F;
    const int64_t count = w.size();
    std::vector<float> difference(static_cast<size_t>(count));
    std::vector<float> gradient(static_cast<size_t>(count));
    std::vector<double> at;
    std::vector<double> losses;
    for (int64_t step = 0; step < steps && nearestError > 0; ++step) {
        if (!job.proceed(static_cast<double>(step) / static_cast<double>(steps), "AdaRound"))
            return fail(ErrorKind::Cancelled, "AdaRound was stopped");
        parallelFor(count, kGrain,
                    [&](int64_t begin, int64_t end) { learned.difference(w, begin, end, difference); });
        input.product({difference.data(), w.rows, w.cols, w.cols}, {hessian.data(), w.cols, w.cols, w.cols},
                      gradient.data());
        if (step % std::max<int64_t>(1, steps / 50) == 0) {
            double loss = 0;
            for (size_t i = 0; i < difference.size(); ++i)
                loss += static_cast<double>(difference[i]) * static_cast<double>(gradient[i]);
            at.push_back(static_cast<double>(step));
            losses.push_back(loss / nearestError);
        }
        const LearnedRounding::Step now{step, weight, lambda, static_cast<float>(sharpness(step, steps))};
        parallelFor(count, kGrain,
                    [&](int64_t begin, int64_t end) { learned.descend(now, begin, end, gradient); });
    }
    std::vector<float> up(difference.size());
    for (size_t i = 0; i < up.size(); ++i) up[i] = learned.up(i);
    if (options.toggle("turns") && nearestError > 0) turnRound(places, w, hessian, input.product, up);
    std::vector<int32_t> codes(difference.size());
    std::vector<float> values(difference.size());
    for (size_t i = 0; i < values.size(); ++i) {
        codes[i] = static_cast<int32_t>(std::clamp(places.floors[i] + up[i], places.low, places.high));
        values[i] = places.value(i, up[i]);
    }
    if (!(outputError({values.data(), w.rows, w.cols, w.cols}, w, hessian, input.product) <= nearestError)) {
        auto plain = quantscope::quantize(input.weight, scheme, job);
        if (!plain) return fail(plain.error());
        LayerResult result = codedResult(std::move(*plain));
        result.notes.emplace_back("what was learned is worse than rounding to nearest, which was taken");
        return result;
    }
    LayerResult result = codedResult(codedWeight(scheme, input.weight.shape(), codes, *groups));
    auto trace = std::make_shared<Trace>();
    trace->add("loss", "step", "||(W - W~) X||^2 / that of rounding to nearest", std::move(at),
               std::move(losses));
    result.trace = std::move(trace);
    return result;
}

}  // namespace quantscope
