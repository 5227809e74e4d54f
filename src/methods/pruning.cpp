// SPDX-License-Identifier: Apache-2.0
#include "methods/pruning.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/parallel_for.h"
#include "methods/interface/input_order.h"
#include "methods/interface/options.h"
#include "methods/parts/coded_weight.h"
#include "methods/parts/hessian.h"
#include "methods/parts/row_lanes.h"
#include "methods/parts/stored_values.h"
#include "numerics/linear_algebra.h"
#include "tensor/float_bits.h"

namespace quantscope {
namespace {

constexpr int64_t kSparseGptBlock = 128;

struct Target {
    double sparsity = 0.5;
    bool twoOfFour = false;
};

/// Weights to remove out of `count`.
int64_t removedOf(const Target& target, int64_t count) {
    return static_cast<int64_t>(target.sparsity * static_cast<double>(count));
}

/// Marks the `removed` smallest scores, ties by position.
void markSmallest(const float* scores, int64_t count, int64_t removed, char* mask) {
    if (removed <= 0) return;
    std::vector<float> sorted(scores, scores + count);
    for (float& score : sorted)  // a NaN is never removed, so that it is noticed
        if (std::isnan(score)) score = std::numeric_limits<float>::infinity();
    const auto last = sorted.begin() + static_cast<std::ptrdiff_t>(removed - 1);
    std::nth_element(sorted.begin(), last, sorted.end());
    const float limit = *last;
    int64_t ties = removed - std::count_if(sorted.begin(), last, [&](float score) { return score < limit; });
    for (int64_t i = 0; i < count; ++i) {
        const bool tie = scores[i] == limit && ties > 0;
        ties -= tie ? 1 : 0;
        mask[i] = scores[i] < limit || tie ? 1 : 0;
    }
}

/// Two of every four, ties by position; of a ragged last run, all but two.
void markTwoOfFour(const float* scores, int64_t count, char* mask) {
    for (int64_t first = 0; first < count; first += 4) {
        const int64_t size = std::min<int64_t>(4, count - first);
        for (int64_t i = 0; i < size; ++i) {
            int64_t smaller = 0;
            for (int64_t j = 0; j < size; ++j) {
                const float own = scores[first + i];
                const float other = scores[first + j];
                smaller += other < own || (other == own && j < i) ? 1 : 0;
            }
            mask[first + i] = smaller < size - 2 ? 1 : 0;
        }
    }
}

/// 1 where a weight is removed, chosen by a score of each weight.
std::vector<char> maskByScore(const MatrixView& w, const std::vector<float>& columnFactor,
                              const Target& target, bool wholeLayer) {
    std::vector<float> scores(static_cast<size_t>(w.size()));
    std::vector<char> mask(scores.size(), 0);
    parallelFor(w.rows, 16, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
            float* row = scores.data() + r * w.cols;
            for (int64_t c = 0; c < w.cols; ++c)
                row[c] = std::abs(w.at(r, c)) *
                         (columnFactor.empty() ? 1.0F : columnFactor[static_cast<size_t>(c)]);
            char* own = mask.data() + r * w.cols;
            if (target.twoOfFour)
                markTwoOfFour(row, w.cols, own);
            else if (!wholeLayer)
                markSmallest(row, w.cols, removedOf(target, w.cols), own);
        }
    });
    if (!target.twoOfFour && wholeLayer)
        markSmallest(scores.data(), w.size(), removedOf(target, w.size()), mask.data());
    return mask;
}

/// What SparseGPT's loop works on.
struct Sweep {
    int64_t cols;
    const std::vector<float>& upper;
    bool twoOfFour;
    std::vector<float>& values;
    std::vector<char>& mask;
};

/// w^2 / U_jj^2 of the columns first .. last - 1.
std::vector<float> lossScores(const Sweep& sweep, int64_t first, int64_t last) {
    std::vector<float> scores;
    const auto rows = static_cast<int64_t>(sweep.values.size()) / sweep.cols;
    scores.reserve(static_cast<size_t>(rows * (last - first)));
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = first; c < last; ++c) {
            const float d = sweep.upper[static_cast<size_t>(c * sweep.cols + c)];
            const float v = sweep.values[static_cast<size_t>(r * sweep.cols + c)];
            scores.push_back(v * v / (d * d));
        }
    return scores;
}

/// The columns first .. last - 1 of up to kRowLanes rows: the columns that follow make up for
/// what is removed; `errors` [rows x last - first] takes w / U_jj of the removed weights.
void sweepLanes(const Sweep& sweep, int64_t row, int64_t rows, int64_t first, int64_t last, float* errors) {
    const int64_t cols = sweep.cols;
    const int64_t width = last - first;
    float* values = sweep.values.data() + row * cols + first;
    std::vector<float> lanes(static_cast<size_t>(width * kRowLanes));
    std::vector<float> gone(lanes.size());
    toLanes(values, cols, rows, width, lanes.data());
    for (int64_t j = 0; j < width; ++j) {
        float* column = lanes.data() + j * kRowLanes;
        const float* factors = sweep.upper.data() + (first + j) * cols + first + j;
        for (int64_t r = 0; r < rows; ++r) {
            char* own = sweep.mask.data() + (row + r) * cols + first + j;
            if (sweep.twoOfFour && j % 4 == 0) {
                const int64_t count = std::min<int64_t>(4, width - j);
                float four[4] = {};
                for (int64_t k = 0; k < count; ++k) {
                    const float d = factors[k * (cols + 1)];
                    const float v = column[k * kRowLanes + r];
                    four[k] = v * v / (d * d);
                }
                markTwoOfFour(four, count, own);
            }
            if (*own == 0) continue;
            gone[static_cast<size_t>(j * kRowLanes + r)] = column[r] / factors[0];
            column[r] = 0;
        }
        subtractOuter(width - j - 1, gone.data() + j * kRowLanes, factors + 1, column + kRowLanes);
    }
    fromLanes(lanes.data(), rows, width, values, cols);
    fromLanes(gone.data(), rows, width, errors, width);
}

/// SparseGPT: columns left to right; the mask of 128 columns is chosen when they are reached, and the columns
/// that follow make up for what is removed.
void sparseGpt(const MatrixView& w, const FactoredHessian& factored, const Target& target,
               std::vector<float>& values, std::vector<char>& mask) {
    const int64_t cols = w.cols;
    const std::vector<float>& upper = factored.upper;
    values.assign(w.data, w.data + w.size());
    for (size_t i = 0; i < values.size(); ++i)
        if (factored.hessian.dead[i % static_cast<size_t>(cols)] != 0) values[i] = 0;
    const Sweep sweep{cols, upper, target.twoOfFour, values, mask};
    for (int64_t first = 0; first < cols; first += kSparseGptBlock) {
        const int64_t last = std::min(cols, first + kSparseGptBlock);
        const int64_t width = last - first;
        if (!target.twoOfFour) {
            // One threshold for these columns of all rows, as in the authors' code.
            const std::vector<float> scores = lossScores(sweep, first, last);
            std::vector<char> part(scores.size(), 0);
            markSmallest(scores.data(), w.rows * width, removedOf(target, w.rows * width), part.data());
            for (int64_t r = 0; r < w.rows; ++r)
                std::copy_n(part.begin() + r * width, width, mask.begin() + r * cols + first);
        }
        parallelFor(w.rows, 2 * kRowLanes, [&](int64_t begin, int64_t end) {
            std::vector<float> errors(static_cast<size_t>((end - begin) * width));
            for (int64_t r = begin; r < end; r += kRowLanes)
                sweepLanes(sweep, r, std::min(kRowLanes, end - r), first, last,
                           errors.data() + (r - begin) * width);
            multiplyAdd(end - begin, cols - last, width, errors.data(), width,
                        upper.data() + first * cols + last, cols, values.data() + begin * cols + last, cols,
                        -1.0F);
        });
    }
}

}  // namespace

Pruning::Pruning(Rule rule) : m_rule(rule) {
    const char* names[] = {"magnitude", "wanda", "sparsegpt"};
    const char* labels[] = {"Magnitude pruning", "Wanda", "SparseGPT"};
    const char* sources[] = {"Han et al., NeurIPS 2015", "Sun et al., ICLR 2024 (arXiv:2306.11695)",
                             "Frantar and Alistarh, ICML 2023 (arXiv:2301.00774)"};
    const char* helps[] = {"removes the smallest |w| of the layer",
                           "removes the smallest |w_ij| ||X_j||_2 of each output channel",
                           "removes the smallest w^2 / U_jj^2, and the columns that follow make up for it"};
    const auto i = static_cast<size_t>(rule);
    m_info.name = names[i];
    m_info.label = labels[i];
    m_info.source = sources[i];
    m_info.help = helps[i];
    m_info.kind = MethodKind::Sparsifier;
    m_info.noCodes = "a weight that was removed is 0 and has no code: a mask says which ones are left";
    if (rule == Rule::Wanda) m_info.needs = CalibrationNeed::MeanSquares;
    if (rule == Rule::SparseGpt) m_info.needs = CalibrationNeed::Hessian;
    m_info.usesScheme = true;
    m_info.minimumBits = 4;
    m_info.maximumBits = 16;
    m_info.scheme.granularity = Granularity::Group;
    m_info.parameters = {
        realParameter("sparsity", "Sparsity", "part of the weights that is removed", 0, 0.99, "0.5"),
        choiceParameter("pattern", "Pattern", "which weights may go together",
                        {{"free", "Any", ""}, {"2:4", "2 of 4", "what sparse tensor cores take"}}, "free"),
        toggleParameter("then-quantize", "Then quantize", "round what is left to the scheme; else F16")};
    if (rule == Rule::SparseGpt)
        m_info.parameters.push_back(realParameter("damp", "Damping", "as in GPTQ", 0, 1, "0.01"));
    const InputOrder order = rule == Rule::SparseGpt ? InputOrder::Quantized : InputOrder::Float;
    if (rule != Rule::Magnitude) m_info.parameters.push_back(inputsParameter(order));
}

/// Without "then-quantize" what is left stays in F16.
bool Pruning::usesScheme(const Recipe& recipe) const {
    return MethodOptions(m_info, recipe).toggle("then-quantize");
}

double Pruning::storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const {
    const MethodOptions options(m_info, recipe);
    const auto count = static_cast<double>(rows * cols);
    const bool twoOfFour = options.text("pattern") == "2:4";
    const double left = twoOfFour ? count / 2 : count * (1 - options.real("sparsity"));
    const double mask = twoOfFour ? 2 * left : count;
    if (!options.toggle("then-quantize")) return std::ceil((mask + 16 * left) / 8);
    const double codes = count * recipe.scheme.bits / 8;
    return std::ceil(mask / 8 + left * recipe.scheme.bits / 8 + Method::storedBytes(recipe, rows, cols) -
                     codes);
}

Result<LayerResult> Pruning::quantize(const LayerInput& input, const Recipe& recipe, const Job& job) const {
    const MethodOptions options(m_info, recipe);
    const MatrixView w = input.weight.matrix();
    const Target target{options.real("sparsity"), options.text("pattern") == "2:4"};
    std::vector<float> values(input.weight.floats().begin(), input.weight.floats().end());
    std::vector<char> mask(values.size(), 0);
    LayerResult notes;
    if (m_rule == Rule::SparseGpt) {
        const auto factored = factoredHessian(*input.calibration, options.real("damp"), false);
        if (!factored) return fail(factored.error());
        notes.notes = (*factored)->hessian.notes;
        sparseGpt(w, **factored, target, values, mask);
    } else {
        std::vector<float> norms;
        if (m_rule == Rule::Wanda) {
            const auto tokens = static_cast<double>(input.calibration->tokens);
            for (const double square : input.calibration->meanSquare)
                norms.push_back(static_cast<float>(std::sqrt(square * tokens)));
        }
        mask = maskByScore(w, norms, target, m_rule == Rule::Magnitude);
    }
    if (!job.proceed(0.8, m_info.name)) return fail(ErrorKind::Cancelled, m_info.name + " was stopped");
    const bool half = !options.toggle("then-quantize");
    parallelFor(static_cast<int64_t>(values.size()), 1 << 14, [&](int64_t begin, int64_t end) {
        for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
            if (mask[i] != 0) values[i] = 0;
            if (half) values[i] = floatFromF16(f16FromFloat(values[i]));
        }
    });
    if (options.toggle("then-quantize")) {
        auto rounded = roundTrip({values.data(), w.rows, w.cols, w.cols}, recipe.scheme, job);
        if (!rounded) return fail(rounded.error());
        values = std::move(*rounded);
        // An affine grid that does not hold 0 would give removed weights a value again.
        for (size_t i = 0; i < values.size(); ++i)
            if (mask[i] != 0) values[i] = 0;
    }
    LayerResult result =
        valuesResult(input.weight.shape(), std::move(values), storedBytes(recipe, w.rows, w.cols));
    result.notes = std::move(notes.notes);
    return result;
}

}  // namespace quantscope
