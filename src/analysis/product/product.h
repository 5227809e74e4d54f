// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "analysis/product/product_operand.h"
#include "base/job.h"
#include "base/result.h"
#include "kernels/kernel_table.h"
#include "methods/interface/variant.h"
#include "quant/output_stage.h"
#include "tensor/tensor.h"

namespace quantscope {

/// What is multiplied: Y = X W^T, X [m x K], W [n x K] (a linear layer's weight).
struct ProductInput {
    MatrixView x;
    MatrixView w;
    ActivationRecipe activations;  ///< a float scheme: only the weight is quantized
    Scheme weights;
    std::shared_ptr<const QuantizedTensor> methodWeights;  ///< codes a method chose, instead of `weights`
    int64_t calibrationRows = 0;  ///< static activations: the range comes from the first rows of X only
    std::shared_ptr<const std::vector<float>>
        exact;  ///< exactProduct(x, w) where it is known; null: computed
};

/// The sums of one run of inputs [begin, end) in which no scale changes, codes a of X and b of W:
/// sum (a - Z_A)(b - Z_B) = sum a b - Z_B sum a - Z_A sum b + (end - begin) Z_A Z_B.
struct ProductSegment {
    int64_t begin = 0;
    int64_t end = 0;
    std::vector<int32_t> xSums;  ///< sum_k a, of each row of X: known when the input has arrived (online)
    std::vector<int32_t> wSums;  ///< sum_k b, of each output channel: known before (offline)
    /// sum_k a b [m x n]; kept when it is the only segment.
    std::vector<int32_t> sums;
};

/// How many accumulators need how many bits (two's complement, sign included): [-2^(b-1), 2^(b-1) - 1].
struct AccumulatorHistogram {
    std::array<uint64_t, 33> byBits{};  ///< [0] is unused; every value needs at least one bit
    int64_t count = 0;
    int32_t smallest = 0;
    int32_t largest = 0;

    void add(int32_t value);
    void merge(const AccumulatorHistogram& other);
    /// Values a signed accumulator of `bits` cannot hold.
    [[nodiscard]] uint64_t beyond(int bits) const;
};
/// Bits of the smallest two's-complement number that holds the value: 0 and -1: 1, 127 and -128: 8.
int bitsNeeded(int32_t value);

/// Error of the whole product against the exact one.
struct ProductError {
    double relative = 0;  ///< ||Y^ - Y||_F / ||Y||_F; 0 for 0/0
    double maxAbs = 0;
    int64_t maxRow = 0;
    int64_t maxChannel = 0;
};

/// The product in integers with everything a picture of it needs.
struct QuantizedProduct {
    int64_t rows = 0;      ///< m
    int64_t channels = 0;  ///< n
    int64_t depth = 0;     ///< K
    ProductOperand x;
    ProductOperand w;
    /// LLM.int8(): inputs multiplied in float; their codes of X are those of 0, so they add nothing to the
    /// integer sums.
    std::vector<int64_t> liftedOut;
    bool isInteger =
        false;  ///< both sides have codes; otherwise the values r^ are multiplied, without segments
    std::vector<ProductSegment> segments;
    std::vector<float> output;                        ///< Y^ [m x n], dequantized
    std::shared_ptr<const std::vector<float>> exact;  ///< Y [m x n] of the float matrices
    AccumulatorHistogram accumulators;                ///< of sum a b, every segment
    ProductError error;
    int64_t depthLimit = 0;  ///< largest K whose sums cannot leave int32
    int64_t calibrationRows = 0;

    [[nodiscard]] bool isLiftedOut(int64_t k) const;
    /// sum (a - Z_A)(b - Z_B) of the only segment; integer zero points only.
    [[nodiscard]] int64_t corrected(int64_t row, int64_t channel) const;
};

/// The largest K for which neither sum a b nor sum (a - Z_A)(b - Z_B) can leave int32: floor((2^31 - 1) /
/// largest product), and never more than the kernels take (131071).
int64_t safeDepth(const ProductOperand& x, const ProductOperand& w);

/// Quantizes both sides and multiplies. The integer sums are exact; Y^ is computed from them in double.
/// Errors: InvalidArgument for shapes that do not fit, NaN, a K beyond safeDepth (says the bound), a
/// threshold with a scheme that cannot represent 0; Unsupported as productOperand; Cancelled.
Result<QuantizedProduct> quantizedProduct(const ProductInput& input, const KernelTable& kernels,
                                          const Job& job);

/// The outputs as 8-bit codes by integers alone, and by a float scale, element by element.
struct RequantizedProduct {
    OutputStage stage;
    float outputScale = 0;
    RequantizationComparison codes;
    double relativeError = 0;  ///< of S_C (q - Z_C) against the exact product
};

/// Requantizes the corrected sums to signed 8 bits whose affine range is that of the exact product (what
/// calibration would find). `relu`: clamps at 0 as a fused activation does. InvalidArgument when the result
/// has no single factor a channel: scales by token or group, lifted-out columns, fractional zero points; or
/// as outputStage.
Result<RequantizedProduct> requantizeProduct(const QuantizedProduct& product, bool relu = false);

}  // namespace quantscope
