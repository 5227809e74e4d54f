// SPDX-License-Identifier: Apache-2.0
#include "methods/aqlm.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "methods/interface/input_order.h"
#include "methods/interface/options.h"
#include "methods/parts/additive_fit.h"
#include "methods/parts/hessian.h"
#include "methods/parts/stored_values.h"
#include "quant/packing.h"

namespace quantscope {
namespace {

constexpr int kConjugateSteps = 10;
constexpr double kLeastGain = 1e-3;
constexpr const char* kStopped = "AQLM was stopped";

/// The codes of all rows, `bits` bits each; every row begins at a byte of its own.
std::vector<std::byte> packedRows(const std::vector<int32_t>& codes, int64_t rows, int bits) {
    const int64_t perRow = static_cast<int64_t>(codes.size()) / rows;
    const int64_t rowBytes = packedBytes(perRow, bits);
    std::vector<std::byte> packed(static_cast<size_t>(rows * rowBytes));
    for (int64_t r = 0; r < rows; ++r)
        packCodes(std::span(codes).subspan(static_cast<size_t>(r * perRow), static_cast<size_t>(perRow)), 0,
                  bits, packed.data() + r * rowBytes);
    return packed;
}

}  // namespace

uint64_t AdditiveCode::bytes() const {
    return packed.size() + 2 * (codewords.size() + scales.size());
}

std::vector<float> decode(const AdditiveCode& code) {
    const int64_t groups = code.cols / code.group;
    const int64_t perRow = groups * code.codebooks;
    const int64_t rowBytes = packedBytes(perRow, code.bits);
    std::vector<float> values(static_cast<size_t>(code.rows * code.cols));
    std::vector<int32_t> codes(static_cast<size_t>(perRow));
    for (int64_t r = 0; r < code.rows; ++r) {
        unpackCodes(code.packed.data() + r * rowBytes, code.bits, 0, codes);
        float* row = values.data() + r * code.cols;
        for (int64_t i = 0; i < perRow; ++i) {
            const int64_t word = ((i % code.codebooks) << code.bits) + codes[static_cast<size_t>(i)];
            const float* from = code.codewords.data() + word * code.group;
            for (int64_t d = 0; d < code.group; ++d)
                row[i / code.codebooks * code.group + d] += code.scales[static_cast<size_t>(r)] * from[d];
        }
    }
    return values;
}

const MethodInfo& Aqlm::info() const {
    static const MethodInfo kInfo = [] {
        MethodInfo info;
        info.name = "aqlm";
        info.label = "AQLM";
        info.noCodes =
            "a code stands for a group of inputs and is added to those of other codebooks: none is one "
            "weight's";
        info.source = "Egiazarian et al., ICML 2024 (arXiv:2401.06118)";
        info.help =
            "eight inputs at a time become a sum of codewords: w = s sum_m C_m[b_m]; codes by beam search, "
            "codewords and scales by least squares, in turn, for min ||(W - W^) X||^2. Slow: 7 s of "
            "processor time a million weights.";
        info.needs = CalibrationNeed::Hessian;
        info.kind = MethodKind::Learned;
        info.usesScheme = false;
        info.minimumBits = 2;
        info.maximumBits = 3;
        info.scheme.bits = 2;
        info.parameters = {
            integerParameter("codebooks", "Codebooks", "words that are added", 1, 2, "2"),
            integerParameter("bits", "Code bits", "a codebook has 2^bits words", 2, 10, "8"),
            integerParameter("group", "Group",
                             "inputs that share a code; bits a weight are codebooks bits / group", 2, 32,
                             "8"),
            integerParameter("rounds", "Rounds", "at most, of words, scales and codes in turn", 0, 100, "6"),
            integerParameter("beam", "Beam", "words of a codebook that are followed up", 1, 64, "4"),
            realParameter("damp", "Damping", "added to the diagonal of X^T X, as a part of its mean", 0, 1,
                          "0.001"),
            integerParameter("seed", "Seed", "of k-means", 0, 1'000'000'000, "0"),
            inputsParameter()};
        return info;
    }();
    return kInfo;
}

double Aqlm::storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const {
    const MethodOptions options(info(), recipe);
    const int64_t group = options.integer("group");
    const int64_t codes = cols / group * options.integer("codebooks");
    const auto bits = static_cast<int>(options.integer("bits"));
    const int64_t words = options.integer("codebooks") << bits;
    return static_cast<double>(rows * packedBytes(codes, bits) + 2 * (words * group + rows));
}

Result<AdditiveCode> Aqlm::encode(const LayerInput& input, const Recipe& recipe, std::vector<double>& errors,
                                  const Job& job) const {
    const MethodOptions options(info(), recipe);
    const MatrixView w = input.weight.matrix();
    AdditiveCode code;
    code.rows = w.rows;
    code.cols = w.cols;
    code.group = options.integer("group");
    code.codebooks = options.integer("codebooks");
    code.bits = static_cast<int>(options.integer("bits"));
    if (w.cols % code.group != 0)
        return fail(ErrorKind::Unsupported,
                    fmt::format("{} inputs are no multiple of {}", w.cols, code.group), "group",
                    "choose a group that divides the inputs");
    const auto prepared = prepareHessian(*input.calibration, options.real("damp"), false);
    if (!prepared) return fail(prepared.error());
    const std::vector<float> hessian(prepared->matrix.begin(), prepared->matrix.end());
    AdditiveFit fit(w, hessian, {code.group, code.codebooks, int64_t{1} << code.bits}, input.product);
    if (!job.proceed(0, "AQLM: k-means")) return fail(ErrorKind::Cancelled, kStopped);
    fit.start(static_cast<uint64_t>(options.integer("seed")), job.quiet());
    if (job.stopRequested()) return fail(ErrorKind::Cancelled, kStopped);
    errors.push_back(fit.error());
    const int64_t rounds = options.integer("rounds");
    for (int64_t round = 0; round < rounds; ++round) {
        const double begun = (1.0 + static_cast<double>(round)) / static_cast<double>(rounds + 1);
        if (!job.proceed(begun, fmt::format("AQLM: round {}", round + 1)))
            return fail(ErrorKind::Cancelled, kStopped);
        fit.search(static_cast<int>(options.integer("beam")));
        if (job.stopRequested()) return fail(ErrorKind::Cancelled, kStopped);
        fit.fitCodewords(kConjugateSteps);
        fit.fitScales();
        errors.push_back(fit.error());
        if (errors.back() > (1 - kLeastGain) * errors[errors.size() - 2]) break;
    }
    fit.roundToStored();
    code.codewords = fit.codewords();
    code.scales = fit.scales();
    code.packed = packedRows(fit.codes(), w.rows, code.bits);
    return code;
}

Result<LayerResult> Aqlm::quantize(const LayerInput& input, const Recipe& recipe, const Job& job) const {
    std::vector<double> errors;
    const auto code = encode(input, recipe, errors, job);
    if (!code) return fail(code.error());
    LayerResult result =
        valuesResult(input.weight.shape(), decode(*code), static_cast<double>(code->bytes()));
    std::vector<double> rounds(errors.size());
    for (size_t i = 0; i < rounds.size(); ++i) rounds[i] = static_cast<double>(i);
    auto trace = std::make_shared<Trace>();
    trace->add("error", "round", "||(W - W^) X||^2 a token", std::move(rounds), std::move(errors));
    result.trace = std::move(trace);
    return result;
}

}  // namespace quantscope
