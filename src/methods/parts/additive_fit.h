// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "base/job.h"
#include "methods/parts/calibration_statistics.h"
#include "tensor/tensor.h"

namespace quantscope {

/// Codes, codewords and scales of an additive quantizer while they are being fitted to
/// tr (W - W^) H (W - W^)^T; see methods/aqlm.h. Groups of inputs do not straddle rows.
class AdditiveFit {
 public:
    struct Size {
        int64_t group = 8;
        int64_t codebooks = 1;
        int64_t words = 256;  ///< a codebook
    };
    /// `weight` and `hessian` [cols x cols] must outlive the fit; cols is a multiple of size.group.
    AdditiveFit(const MatrixView& weight, const std::vector<float>& hessian, Size size,
                const ProductFunction& product);

    /// Scales from the rows' norms; codebook after codebook by k-means of what is left. After a stop the fit
    /// is unfinished.
    void start(uint64_t seed, const Job& job);
    /// The codewords of least error for these codes, by conjugate gradients.
    void fitCodewords(int steps);
    /// The scales of least error.
    void fitScales();
    /// Codes anew, group by group: the `beam` best words of each codebook are kept on the way through.
    void search(int beam);
    /// Rounds codewords and scales to F16, as they are stored.
    void roundToStored();

    /// Output error a token.
    [[nodiscard]] double error() const;
    [[nodiscard]] const std::vector<int32_t>& codes() const { return m_codes; }
    [[nodiscard]] const std::vector<float>& codewords() const { return m_words; }
    [[nodiscard]] const std::vector<float>& scales() const { return m_scales; }

 private:
    struct Band;
    [[nodiscard]] int64_t groups() const { return m_weight.cols / m_size.group; }
    [[nodiscard]] const float* word(int64_t book, int64_t code) const {
        return m_words.data() + (book * m_size.words + code) * m_size.group;
    }
    [[nodiscard]] int32_t* codesOf(int64_t row, int64_t group) {
        return m_codes.data() + (row * groups() + group) * m_size.codebooks;
    }
    [[nodiscard]] const int32_t* codesOf(int64_t row, int64_t group) const {
        return m_codes.data() + (row * groups() + group) * m_size.codebooks;
    }
    /// scale_r sum of `words` at the codes, [rows x cols].
    [[nodiscard]] std::vector<float> decoded(const std::vector<float>& words) const;
    [[nodiscard]] std::vector<float> residual() const;
    /// a H.
    [[nodiscard]] std::vector<float> timesHessian(const std::vector<float>& a) const;
    /// What each codeword gets of `a` [rows x cols], scaled: the transpose of decoded().
    [[nodiscard]] std::vector<double> gathered(const std::vector<float>& a) const;
    [[nodiscard]] std::vector<double> curvatures() const;
    void searchGroup(int64_t group, int64_t begin, int64_t end, Band& band);

    MatrixView m_weight;
    const std::vector<float>& m_hessian;
    Size m_size;
    ProductFunction m_product;
    std::vector<float> m_words;    ///< [codebooks][words][group]
    std::vector<float> m_scales;   ///< [rows]
    std::vector<int32_t> m_codes;  ///< [rows][groups][codebooks]
};

}  // namespace quantscope
