// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "app/results/matmul_results.h"
#include "plots/accumulator_view.h"
#include "plots/arithmetic_view.h"
#include "plots/kernel_view.h"
#include "plots/product_view.h"
#include "plots/roofline_view.h"

namespace quantscope {

/// The results of the Matmul lab as the plots take them. `step` is k, clamped to the product. All of them are
/// empty without a product.

/// Windows of the matrices around the traced cell and the step.
ProductSeries productSeries(const MatmulResults& results, qint64 step);

/// What happens in this step: the product of two codes, the accumulator, and, at the last step, the result.
std::vector<ArithmeticLine> stepLines(const MatmulResults& results, qint64 step);

/// From the cell's sum to its value: zero-point terms, scales, the integer output stage, result and error.
std::vector<ArithmeticLine> resultLines(const MatmulResults& results);

/// What the parts of the product cost, measured.
std::vector<ArithmeticLine> costLines(const MatmulResults& results);

AccumulatorSeries accumulatorSeries(const MatmulResults& results);
/// "largest -15,553: 15 bits; none beyond int16".
QString accumulatorText(const MatmulResults& results);
std::vector<KernelRow> kernelRows(const MatmulResults& results);
RooflineSeries rooflineSeries(const MatmulResults& results);

/// The variant shown, or null.
const ProductVariantResult* shownVariant(const MatmulResults& results);

}  // namespace quantscope
