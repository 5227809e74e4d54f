// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

/// Plain code for what src/quant/blocks/scale_fits.h does in lanes: how ggml chooses the scale of a run of
/// weights (ggml-quants.c, make_qx_quants and its kin), operation for operation: weighted least squares over
/// a handful of starting scales. Runs have n >= 1 elements; codes has room for n.
namespace quantscope::plain {

constexpr float kZeroRun = 1e-15F;  ///< largest magnitude of a run that counts as all 0

/// Nearest integer, ties to even, |x| < 2^22.
inline int nearest(float x) {
    constexpr float kMagic = 12582912.0F;
    return static_cast<int>((x + kMagic) - kMagic);
}

inline int nearestIn(float x, int low, int high) {
    return std::clamp(nearest(x), low, high);
}

/// The value of largest magnitude, the first of equals; 0 for a run of zeros.
float extremeOf(const float* x, int n);

/// Sums of a least-squares fit x ~ scale l with weights w.
struct Fit {
    float xl = 0;
    float ll = 0;
    void add(float w, float x, float l) {
        xl += w * x * l;
        ll += w * l * l;
    }
    /// Whether its error is less than that of a fit whose scale * xl is `best`.
    [[nodiscard]] bool beats(float best) const { return ll > 0 && xl * xl > best * ll; }
};

/// x ~ scale (code - levels), codes 0 .. 2 levels - 1: tries 19 starting scales. `w` null = x^2.
float fitSigned(const float* x, int n, int levels, const float* w, int* codes);

/// The same with weights x^2, one starting scale, and up to five rounds of moving single codes.
float fitByMoves(const float* x, int n, int levels, int* codes);

/// Where fitWithMinimum() looks: inverse scales (first + step k + top) / width, k = 0 .. steps.
struct Search {
    float first;
    float step;
    int steps;
    bool absolute;  ///< judge by |error| instead of its square
};

/// x ~ scale code - minimum with minimum >= 0, codes 0 .. top.
float fitWithMinimum(const float* x, int n, int top, const float* w, const Search& search, int* codes,
                     float& minimum);

/// x >= 0, x ~ scale code, codes 0 .. top: nine starting scales, then moves of single codes.
float fitPositive(const float* x, int n, int top, const float* w, int* codes);

}  // namespace quantscope::plain
