// SPDX-License-Identifier: Apache-2.0
#include "analysis/product/product_operand.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

#include "kernels/matrix_passes.h"
#include "quant/blocks/block_pass.h"
#include "quant/passes/reference.h"

namespace quantscope {
namespace {

/// What an integer product asks of a scheme.
Status checkScheme(const Scheme& scheme) {
    if (Status valid = validate(scheme); !valid) return valid;
    if (scheme.isFloat()) return {};
    if (scheme.bits > 8) {
        return fail(ErrorKind::Unsupported,
                    fmt::format("an integer product takes codes of up to 8 bits, not {}", scheme.bits),
                    "bits", "Choose 8 bits or fewer");
    }
    if (scheme.granularity == Granularity::InputChannel) {
        return fail(
            ErrorKind::Unsupported,
            "scales along the inputs change inside the sum over k, so they cannot be multiplied in after it",
            "granularity", "Choose a scale a tensor, a token or output channel, or a group of inputs");
    }
    return {};
}

Result<ProductOperand> floatOperand(const MatrixView& matrix) {
    ProductOperand operand;
    operand.rows = matrix.rows;
    operand.depth = matrix.cols;
    operand.values.reserve(static_cast<size_t>(matrix.size()));
    for (int64_t r = 0; r < matrix.rows; ++r) {
        const int64_t bad = firstNonFinite(matrix.row(r), matrix.cols);
        if (bad >= 0) {
            return fail(ErrorKind::InvalidArgument, "a value is NaN or infinite",
                        fmt::format("row {}, column {}", r, bad), "Choose another matrix");
        }
        operand.values.insert(operand.values.end(), matrix.row(r), matrix.row(r) + matrix.cols);
    }
    return operand;
}

}  // namespace

const GroupParams& ProductOperand::params(int64_t row, int64_t k) const {
    return quantization.groups[static_cast<size_t>(quantization.layout.groupOf(row, k))];
}

double ProductOperand::offset(int64_t row, int64_t k) const {
    const GroupParams& p = params(row, k);
    const auto zero = static_cast<double>(p.zeroPoint);
    const bool isMinimum = quantization.scheme.mapping == Mapping::Affine &&
                           quantization.scheme.zeroPointDomain == ZeroPointDomain::Minimum;
    return isMinimum ? zero : -static_cast<double>(p.scale) * zero;
}

int32_t ProductOperand::zeroPoint(int64_t row, int64_t k) const {
    return static_cast<int32_t>(std::lround(params(row, k).zeroPoint));
}

bool ProductOperand::hasIntegerZeros() const {
    return quantization.scheme.mapping == Mapping::Symmetric ||
           quantization.scheme.zeroPointDomain == ZeroPointDomain::Integer;
}

bool ProductOperand::isSymmetric() const {
    return quantization.scheme.mapping == Mapping::Symmetric && quantization.scheme.isSigned;
}

double ProductOperand::value(int64_t row, int64_t k) const {
    if (isFloat()) return static_cast<double>(values[static_cast<size_t>(row * depth + k)]);
    return scale(row, k) * code(row, k) + offset(row, k);
}

int32_t ProductOperand::largestCode() const {
    return std::max(std::abs(codeMin(quantization.scheme)), std::abs(codeMax(quantization.scheme)));
}

int32_t ProductOperand::largestDistance() const {
    return isSymmetric() ? largestCode() : codeMax(quantization.scheme) - codeMin(quantization.scheme);
}

Result<ProductOperand> productOperand(const MatrixView& matrix, const Scheme& scheme,
                                      const KernelTable& kernels, const Job& job,
                                      std::span<const GroupParams> fixed) {
    if (Status valid = checkScheme(scheme); !valid) return fail(valid.error());
    if (scheme.isFloat()) return floatOperand(matrix);
    ProductOperand operand;
    operand.rows = matrix.rows;
    operand.depth = matrix.cols;
    auto chosen = chooseQuantization(matrix, scheme, kernels, job.part(0, 0.5));
    if (!chosen) return fail(chosen.error());
    operand.quantization = std::move(*chosen);
    std::vector<GroupParams>& groups = operand.quantization.groups;
    if (!fixed.empty()) {
        if (fixed.size() != groups.size()) {
            return fail(ErrorKind::InvalidArgument, "a static range cannot follow rows it has not seen",
                        "granularity", "Use one range a tensor, or a dynamic range");
        }
        groups.assign(fixed.begin(), fixed.end());
    }
    std::vector<int32_t> codes(static_cast<size_t>(matrix.size()));
    if (Status done =
            encodeMatrix(matrix, scheme, groups, kernels.elementwise, codes.data(), job.part(0.5, 1));
        !done)
        return fail(done.error());
    operand.codes.assign(codes.begin(), codes.end());
    // Codes may come from unrounded scales; values always come from the stored ones.
    for (GroupParams& group : groups) group = storedParams(group, scheme);
    return operand;
}

Result<ProductOperand> productOperand(std::shared_ptr<const QuantizedTensor> quantized) {
    if (Status valid = checkScheme(quantized->scheme()); !valid) return fail(valid.error());
    ProductOperand operand;
    operand.rows = quantized->layout().rows;
    operand.depth = quantized->layout().cols;
    const std::vector<int32_t> codes = quantized->codes();
    operand.codes.assign(codes.begin(), codes.end());
    operand.quantization = quantizationOf(std::move(quantized));
    for (GroupParams& group : operand.quantization.groups)
        group = storedParams(group, operand.quantization.scheme);
    return operand;
}

std::vector<int64_t> productSegments(const ProductOperand& x, const ProductOperand& w) {
    std::set<int64_t> ends{0, x.depth};
    for (const ProductOperand* side : {&x, &w}) {
        if (side->isFloat()) continue;
        const int64_t step = side->quantization.layout.blockCols;
        for (int64_t k = step; k < x.depth; k += step) ends.insert(k);
    }
    return {ends.begin(), ends.end()};
}

}  // namespace quantscope
