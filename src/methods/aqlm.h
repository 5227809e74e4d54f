// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "methods/interface/method.h"

namespace quantscope {

/// A weight [rows x cols] as sums of codewords: the group of inputs g of row r is
/// scale_r sum_m codebook_m[code_m(r, g)]. All groups and rows share the codebooks.
struct AdditiveCode {
    int64_t rows = 0;
    int64_t cols = 0;
    int64_t group = 8;              ///< inputs a code covers
    int64_t codebooks = 1;          ///< summands
    int bits = 8;                   ///< of a code: 2^bits codewords a codebook
    std::vector<float> codewords;   ///< [codebooks][2^bits][group], F16 numbers
    std::vector<float> scales;      ///< [rows], F16 numbers
    std::vector<std::byte> packed;  ///< codes [rows][cols / group][codebooks], each row from a byte on

    [[nodiscard]] uint64_t bytes() const;
};
/// The weight again, from the packed codes.
std::vector<float> decode(const AdditiveCode& code);

/// AQLM (Egiazarian et al., ICML 2024): additive codebooks fitted to the layer's output error
/// tr (W - W^) H (W - W^)^T, H = X^T X / tokens. Codebooks start by k-means of the rows' groups over their
/// scale, then of what the codebooks before left over. A round: the codewords that are best for these codes
/// (a linear least-squares problem, conjugate gradients; the authors' code takes Adam), the best scales, and
/// then for every group of inputs a beam search over its codes with all others as they are. No step makes the
/// error larger; rounds end when one gains less than 0.1 %. The same for any number of threads.
/// Budget: some 7 s of processor time a million weights with two codebooks of 256 words; a model of 135M
/// parameters keeps two AVX-512 cores busy for some seven minutes (eval --resume outlasts a stop).
class Aqlm : public Method {
 public:
    [[nodiscard]] const MethodInfo& info() const override;
    [[nodiscard]] Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                               const Job& job) const override;
    [[nodiscard]] double storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const override;
    /// The codes of what quantize() gives values of. `errors`: the output error after the start and each
    /// round.
    [[nodiscard]] Result<AdditiveCode> encode(const LayerInput& input, const Recipe& recipe,
                                              std::vector<double>& errors, const Job& job) const;
};

}  // namespace quantscope
