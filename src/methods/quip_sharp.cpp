// SPDX-License-Identifier: Apache-2.0
#include "methods/quip_sharp.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/parallel_for.h"
#include "base/random.h"
#include "methods/interface/activation_transform.h"
#include "methods/interface/input_order.h"
#include "methods/interface/options.h"
#include "methods/parts/e8_lattice.h"
#include "methods/parts/hessian.h"
#include "methods/parts/stored_values.h"
#include "numerics/linear_algebra.h"

namespace quantscope {
namespace {

constexpr int64_t kDim = E8Lattice::kDim;
constexpr int64_t kRows = 16;

/// The codebooks of a width and how the weight is scaled to them (opt_scale, opt_resid_scale of the authors'
/// code).
struct Codebooks {
    enum class Residual { None, Short, Same };
    Residual residual = Residual::None;
    float scale = 1.03F;
    float residualScale = 1;
    E8Lattice lattice = {};
    E8Short rest = {};
};

Codebooks codebooksOf(const std::string& bits) {
    if (bits == "4") return {Codebooks::Residual::Same, 1.03F, 3.45F};
    if (bits == "3") return {Codebooks::Residual::Short, 0.98F, 2.04F};
    return {};
}

std::vector<float> signsOf(int64_t count, uint64_t seed, uint64_t stream) {
    const CounterRandom random(seed, stream);
    std::vector<float> signs;
    for (int64_t i = 0; i < count; ++i)
        signs.push_back((random.bits(static_cast<uint64_t>(i)) & 1) != 0 ? 1.0F : -1.0F);
    return signs;
}

/// src [rows x cols] with its columns (the output side) rotated, forwards or back.
std::vector<float> rotateOutputs(const ActivationTransform& rotation, const MatrixView& src, bool back) {
    std::vector<float> turned(static_cast<size_t>(src.size()));
    transpose(src, turned.data());
    const MatrixView view{turned.data(), src.cols, src.rows, src.rows};
    if (back)
        undoTransform(rotation, view, turned.data());
    else
        applyTransform(rotation, view, turned.data());
    std::vector<float> result(turned.size());
    transpose(view, result.data());
    return result;
}

/// X^T X in the rotated basis, damped, and its blocks' factors.
struct Incoherent {
    ActivationTransform rotation;
    std::vector<float> hessian;   ///< [n x n]
    std::vector<float> feedback;  ///< L of L D L^T with unit diagonal blocks, [n x n]
    std::vector<float> inverses;  ///< of the hessian's diagonal blocks, [n / 8][8][8]
    std::vector<std::string> notes;
};

/// Inverse of a small symmetric positive matrix by its Cholesky factor.
std::vector<double> inverseOf(std::vector<double> a) {
    factorCholesky(a, kDim);
    invertTriangle(a, kDim);
    std::vector<double> result(static_cast<size_t>(kDim * kDim), 0);
    for (size_t i = 0; i < kDim; ++i)
        for (size_t j = 0; j < kDim; ++j)
            for (size_t k = std::max(i, j); k < kDim; ++k)
                result[i * kDim + j] += a[k * kDim + i] * a[k * kDim + j];
    return result;
}

Result<std::shared_ptr<const Incoherent>> makeIncoherent(const CalibrationStatistics& seen, uint64_t seed,
                                                         double damping) {
    const std::string key = fmt::format("incoherent {} {}", seed, damping);
    if (auto known = seen.shared->find<Incoherent>(key)) return known;
    auto made = std::make_shared<Incoherent>();
    const int64_t n = seen.channels;
    auto prepared = prepareHessian(seen, damping, false);
    if (!prepared) return fail(prepared.error());
    made->notes = prepared->notes;
    made->rotation.signs = signsOf(n, seed, 1);
    std::vector<float> h(prepared->matrix.begin(), prepared->matrix.end());
    const MatrixView view{h.data(), n, n, n};
    applyTransform(made->rotation, view, h.data());
    std::vector<float> turned(h.size());
    transpose(view, turned.data());
    applyTransform(made->rotation, {turned.data(), n, n, n}, turned.data());
    made->hessian = std::move(turned);
    std::vector<double> factor(made->hessian.begin(), made->hessian.end());
    if (!factorCholesky(factor, n))
        return fail(ErrorKind::InvalidArgument, "X^T X cannot be factored", "calibration",
                    "use more calibration text, or more damping");
    made->feedback.assign(h.size(), 0);
    made->inverses.resize(static_cast<size_t>(n * kDim));
    for (int64_t k = 0; k < n; k += kDim) {
        // Columns k .. k + 7 of the factor times the inverse of its diagonal block.
        std::vector<double> block(static_cast<size_t>(kDim * kDim));
        std::vector<double> own(block.size());
        for (int64_t i = 0; i < kDim; ++i)
            for (int64_t j = 0; j < kDim; ++j) {
                block[static_cast<size_t>(i * kDim + j)] = factor[static_cast<size_t>((k + i) * n + k + j)];
                own[static_cast<size_t>(i * kDim + j)] =
                    static_cast<double>(made->hessian[static_cast<size_t>((k + i) * n + k + j)]);
            }
        invertTriangle(block, kDim);
        parallelFor(n - k, 64, [&](int64_t begin, int64_t end) {
            for (int64_t i = k + begin; i < k + end; ++i)
                for (int64_t j = 0; j < kDim; ++j) {
                    double sum = 0;
                    for (int64_t p = 0; p < kDim; ++p)
                        sum += factor[static_cast<size_t>(i * n + k + p)] *
                               block[static_cast<size_t>(p * kDim + j)];
                    made->feedback[static_cast<size_t>(i * n + k + j)] = static_cast<float>(sum);
                }
        });
        const std::vector<double> inverse = inverseOf(own);
        std::transform(inverse.begin(), inverse.end(), made->inverses.begin() + k * kDim,
                       [](double v) { return static_cast<float>(v); });
    }
    seen.shared->put(key, made);
    return std::shared_ptr<const Incoherent>(made);
}

void roundEight(const Codebooks& books, const float* x, float* to) {
    E8Lattice::Point point{};
    std::copy_n(x, kDim, point.begin());
    E8Lattice::Point value = books.lattice.nearest(point);
    if (books.residual != Codebooks::Residual::None) {
        E8Lattice::Point left{};
        for (size_t i = 0; i < left.size(); ++i) left[i] = (point[i] - value[i]) * books.residualScale;
        const E8Lattice::Point second = books.residual == Codebooks::Residual::Same
                                            ? books.lattice.nearest(left)
                                            : books.rest.nearest(left);
        for (size_t i = 0; i < left.size(); ++i) value[i] += second[i] / books.residualScale;
    }
    std::copy(value.begin(), value.end(), to);
}

/// Rows begin .. end - 1 of w, scaled to the codebook, rounded in place of `rounded`.
void quantizeRows(const MatrixView& w, const Incoherent& basis, const Codebooks& books, int64_t rounds,
                  int64_t begin, int64_t end, float* rounded) {
    const int64_t n = w.cols;
    const int64_t rows = end - begin;
    std::vector<float> errors(static_cast<size_t>(rows * n));  // W - W^ of the columns that are rounded
    std::vector<float> targets(static_cast<size_t>(rows * kDim));
    const auto place = [&](int64_t k) {
        for (int64_t r = 0; r < rows; ++r) {
            float* to = rounded + (begin + r) * n + k;
            roundEight(books, targets.data() + r * kDim, to);
            for (int64_t i = 0; i < kDim; ++i)
                errors[static_cast<size_t>(r * n + k + i)] = w.at(begin + r, k + i) - to[i];
        }
    };
    for (int64_t k = n - kDim; k >= 0; k -= kDim) {
        for (int64_t r = 0; r < rows; ++r)
            std::copy_n(w.row(begin + r) + k, kDim, targets.begin() + r * kDim);
        const int64_t after = k + kDim;
        multiplyAdd(rows, kDim, n - after, errors.data() + after, n, basis.feedback.data() + after * n + k, n,
                    targets.data(), kDim, 1.0F);
        place(k);
    }
    std::vector<float> pull(static_cast<size_t>(rows * kDim));
    for (int64_t round = 0; round < rounds; ++round)
        for (int64_t k = n - kDim; k >= 0; k -= kDim) {
            std::fill(pull.begin(), pull.end(), 0.0F);
            multiplyAdd(rows, kDim, n, errors.data(), n, basis.hessian.data() + k, n, pull.data(), kDim,
                        1.0F);
            for (int64_t r = 0; r < rows; ++r)
                std::copy_n(rounded + (begin + r) * n + k, kDim, targets.begin() + r * kDim);
            multiplyAdd(rows, kDim, kDim, pull.data(), kDim, basis.inverses.data() + k * kDim, kDim,
                        targets.data(), kDim, 1.0F);
            place(k);
        }
}

}  // namespace

const MethodInfo& QuipSharp::info() const {
    static const MethodInfo kInfo = [] {
        MethodInfo info;
        info.name = "quip-sharp";
        info.label = "QuIP#";
        info.noCodes = "a code stands for eight rotated weights at a time: none is one weight's";
        info.source = "Tseng et al., ICML 2024 (arXiv:2402.04396)";
        info.help =
            "rotates both sides of W by random Hadamard matrices, then rounds eight inputs at a time to "
            "points "
            "of the E8 lattice, with feedback of the error (block LDLQ)";
        info.needs = CalibrationNeed::Hessian;
        info.kind = MethodKind::Optimized;
        info.usesScheme = false;
        info.minimumBits = 2;
        info.maximumBits = 4;
        info.scheme.bits = 2;
        info.bitsParameter = "bits";
        info.parameters = {
            choiceParameter("bits", "Bits", "a weight",
                            {{"2", "2", "E8P"},
                             {"3", "3", "E8P, and 256 points of E8 for what it leaves"},
                             {"4", "4", "E8P twice"}},
                            "2"),
            integerParameter("tune", "Rounds", "of coordinate descent after the first pass", 0, 100, "2"),
            realParameter("damp", "Damping", "as in GPTQ", 0, 1, "0.01"),
            integerParameter("seed", "Seed", "of the signs", 0, 1'000'000'000, "0"), inputsParameter()};
        return info;
    }();
    return kInfo;
}

double QuipSharp::storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const {
    const double bits = std::stod(MethodOptions(info(), recipe).text("bits"));
    const int64_t signBytes = (rows + cols + 7) / 8;
    return std::ceil(bits * static_cast<double>(rows * cols) / 8) + static_cast<double>(signBytes) + 4;
}

Result<LayerResult> QuipSharp::quantize(const LayerInput& input, const Recipe& recipe, const Job& job) const {
    const MethodOptions options(info(), recipe);
    const int64_t rows = input.weight.rows();
    const int64_t cols = input.weight.cols();
    if (cols % kDim != 0)
        return fail(ErrorKind::Unsupported, fmt::format("{} inputs are no multiple of 8", cols), "weight",
                    "choose another method for this layer");
    const auto seed = static_cast<uint64_t>(options.integer("seed"));
    const auto basis = makeIncoherent(*input.calibration, seed, options.real("damp"));
    if (!basis) return fail(basis.error());
    std::vector<float> w(static_cast<size_t>(rows * cols));
    transformWeight((*basis)->rotation, input.weight.matrix(), w.data());
    ActivationTransform outputs;
    outputs.signs = signsOf(rows, seed, 2);
    w = rotateOutputs(outputs, {w.data(), rows, cols, cols}, false);
    const Codebooks books = codebooksOf(options.text("bits"));
    double square = 0;
    for (const float value : w) square += static_cast<double>(value) * static_cast<double>(value);
    const auto scale = static_cast<float>(std::sqrt(square / static_cast<double>(w.size()))) / books.scale;
    if (!(scale > 0)) return valuesResult(input.weight.shape(), w, storedBytes(recipe, rows, cols));
    for (float& value : w) value /= scale;

    std::vector<float> rounded(w.size());
    std::atomic<int64_t> done{0};
    std::atomic<bool> stopped{false};
    parallelFor(rows, kRows, [&](int64_t begin, int64_t end) {
        if (stopped) return;
        quantizeRows({w.data(), rows, cols, cols}, **basis, books, options.integer("tune"), begin, end,
                     rounded.data());
        if (!job.proceed(static_cast<double>(done += end - begin) / static_cast<double>(rows), "QuIP#"))
            stopped = true;
    });
    if (stopped) return fail(ErrorKind::Cancelled, "QuIP# was stopped");
    for (float& value : rounded) value *= scale;
    rounded = rotateOutputs(outputs, {rounded.data(), rows, cols, cols}, true);
    restoreWeight((*basis)->rotation, {rounded.data(), rows, cols, cols}, rounded.data());
    LayerResult result =
        valuesResult(input.weight.shape(), std::move(rounded), storedBytes(recipe, rows, cols));
    result.notes = (*basis)->notes;
    return result;
}

}  // namespace quantscope
