// SPDX-License-Identifier: Apache-2.0
#include "analysis/product/product.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "analysis/product/product_sums.h"
#include "kernels/integer_gemm.h"
#include "kernels/matrix_passes.h"
#include "quant/outlier_columns.h"

namespace quantscope {
namespace {

Status checkShapes(const ProductInput& input) {
    if (input.x.cols != input.w.cols) {
        return fail(ErrorKind::InvalidArgument,
                    fmt::format("X has {} columns, but W takes {} inputs", input.x.cols, input.w.cols),
                    "shape", "Choose an X and a W of the same layer");
    }
    if (input.x.size() == 0 || input.w.size() == 0)
        return fail(ErrorKind::InvalidArgument, "an empty matrix has no product", "shape",
                    "Choose another matrix");
    return {};
}

bool representsZero(const Scheme& scheme) {
    return scheme.mapping == Mapping::Symmetric ||
           (scheme.zeroPointDomain == ZeroPointDomain::Integer && scheme.rangeIncludesZero);
}

Result<ProductOperand> activationOperand(const ProductInput& input, const MatrixView& values,
                                         const KernelTable& kernels, const Job& job) {
    const Scheme& scheme = input.activations.scheme;
    if (!input.activations.isStatic || input.calibrationRows <= 0 || scheme.isFloat())
        return productOperand(values, scheme, kernels, job);
    if (scheme.granularity != Granularity::Tensor) {
        return fail(ErrorKind::InvalidArgument,
                    "a static range cannot follow the rows of data it has not seen", "granularity",
                    "Use one range a tensor, or a dynamic range");
    }
    MatrixView seen = values;
    seen.rows = std::min(seen.rows, input.calibrationRows);
    auto fixed = chooseGroupParams(seen, scheme, kernels.elementwise, job);
    if (!fixed) return fail(fixed.error());
    return productOperand(values, scheme, kernels, job, *fixed);
}

/// X without the lifted-out columns.
Result<ProductOperand> quantizeActivations(const ProductInput& input, QuantizedProduct& product,
                                           const KernelTable& kernels, const Job& job) {
    const ActivationRecipe& recipe = input.activations;
    if (!recipe.scheme.isFloat()) product.liftedOut = outlierColumns(input.x, recipe.outlierThreshold);
    if (product.liftedOut.empty()) return activationOperand(input, input.x, kernels, job);
    if (!representsZero(recipe.scheme)) {
        return fail(ErrorKind::InvalidArgument,
                    "lifting columns out leaves zeros behind, and this scheme has no code for 0", "outliers",
                    "Use a symmetric scheme, or an affine one whose range includes 0");
    }
    const std::vector<float> rest = withoutColumns(input.x, product.liftedOut);
    return activationOperand(input, {rest.data(), input.x.rows, input.x.cols, input.x.cols}, kernels, job);
}

Status checkDepth(const QuantizedProduct& product, const std::vector<int64_t>& ends) {
    for (size_t s = 0; s + 1 < ends.size(); ++s) {
        if (ends[s + 1] - ends[s] <= product.depthLimit) continue;
        return fail(
            ErrorKind::InvalidArgument,
            fmt::format("K = {} products of up to {} x {} can overflow int32, which is safe up to K = {}",
                        ends[s + 1] - ends[s], product.x.largestDistance(), product.w.largestDistance(),
                        product.depthLimit),
            "K", "Use groups, fewer bits, or a narrower matrix");
    }
    return {};
}

/// Adds what the segment contributes to Y^, from sums in int32.
void addSegment(const QuantizedProduct& product, const ProductSegment& segment,
                const std::vector<int32_t>& sums, std::vector<double>& output) {
    const auto count = static_cast<double>(segment.end - segment.begin);
    for (int64_t i = 0; i < product.rows; ++i) {
        const double sx = product.x.scale(i, segment.begin);
        const double cx = product.x.offset(i, segment.begin);
        const double xSum = segment.xSums[static_cast<size_t>(i)];
        for (int64_t j = 0; j < product.channels; ++j) {
            const double sw = product.w.scale(j, segment.begin);
            const double cw = product.w.offset(j, segment.begin);
            const auto at = static_cast<size_t>(i * product.channels + j);
            output[at] += sx * sw * sums[at] + sx * cw * xSum +
                          cx * sw * segment.wSums[static_cast<size_t>(j)] + count * cx * cw;
        }
    }
}

void addLiftedOut(const ProductInput& input, const QuantizedProduct& product, std::vector<double>& output) {
    for (int64_t i = 0; i < product.rows; ++i)
        for (int64_t j = 0; j < product.channels; ++j)
            for (const int64_t k : product.liftedOut)
                output[static_cast<size_t>(i * product.channels + j)] +=
                    static_cast<double>(input.x.at(i, k)) * static_cast<double>(input.w.at(j, k));
}

Status multiplyCodes(QuantizedProduct& product, const KernelTable& kernels, const Job& job,
                     std::vector<double>& output) {
    const std::vector<int64_t> ends = productSegments(product.x, product.w);
    product.depthLimit = safeDepth(product.x, product.w);
    if (Status fits = checkDepth(product, ends); !fits) return fits;
    const auto segments = static_cast<double>(ends.size() - 1);
    for (size_t s = 0; s + 1 < ends.size(); ++s) {
        ProductSegment segment;
        segment.begin = ends[s];
        segment.end = ends[s + 1];
        const Job part = job.part(static_cast<double>(s) / segments, static_cast<double>(s + 1) / segments);
        auto sums = codeSums(product.x, product.w, segment.begin, segment.end, kernels, part);
        if (!sums) return fail(sums.error());
        segment.xSums = rowSums(product.x, segment.begin, segment.end);
        segment.wSums = rowSums(product.w, segment.begin, segment.end);
        for (const int32_t sum : *sums) product.accumulators.add(sum);
        addSegment(product, segment, *sums, output);
        if (ends.size() == 2) segment.sums = std::move(*sums);
        product.segments.push_back(std::move(segment));
    }
    return {};
}

/// r^ of a side, or r where it is float.
std::vector<float> valuesOf(const ProductOperand& side) {
    if (side.isFloat()) return side.values;
    std::vector<float> values;
    values.reserve(side.codes.size());
    for (int64_t r = 0; r < side.rows; ++r)
        for (int64_t k = 0; k < side.depth; ++k) values.push_back(static_cast<float>(side.value(r, k)));
    return values;
}

/// One side is float: the product of values.
Status multiplyValues(const QuantizedProduct& product, const Job& job, std::vector<double>& output) {
    const std::vector<float> x = valuesOf(product.x);
    const std::vector<float> w = valuesOf(product.w);
    const int64_t depth = product.depth;
    auto values =
        exactProduct({x.data(), product.rows, depth, depth}, {w.data(), product.channels, depth, depth}, job);
    if (!values) return fail(values.error());
    output.assign(values->begin(), values->end());
    return {};
}

ProductError errorOf(const QuantizedProduct& product) {
    ProductError error;
    double signal = 0;
    double noise = 0;
    for (size_t at = 0; at < product.output.size(); ++at) {
        const auto exact = static_cast<double>((*product.exact)[at]);
        const double difference = static_cast<double>(product.output[at]) - exact;
        signal += exact * exact;
        noise += difference * difference;
        if (std::abs(difference) <= error.maxAbs) continue;
        error.maxAbs = std::abs(difference);
        error.maxRow = static_cast<int64_t>(at) / product.channels;
        error.maxChannel = static_cast<int64_t>(at) % product.channels;
    }
    error.relative = noise == 0 ? 0 : std::sqrt(noise / signal);
    return error;
}

}  // namespace

int bitsNeeded(int32_t value) {
    const auto magnitude = static_cast<uint32_t>(value < 0 ? ~value : value);
    return 33 - std::countl_zero(magnitude);
}

void AccumulatorHistogram::add(int32_t value) {
    ++byBits[static_cast<size_t>(bitsNeeded(value))];
    smallest = count == 0 ? value : std::min(smallest, value);
    largest = count == 0 ? value : std::max(largest, value);
    ++count;
}

void AccumulatorHistogram::merge(const AccumulatorHistogram& other) {
    if (other.count == 0) return;
    for (size_t bits = 0; bits < byBits.size(); ++bits) byBits[bits] += other.byBits[bits];
    smallest = count == 0 ? other.smallest : std::min(smallest, other.smallest);
    largest = count == 0 ? other.largest : std::max(largest, other.largest);
    count += other.count;
}

uint64_t AccumulatorHistogram::beyond(int bits) const {
    uint64_t sum = 0;
    for (size_t b = static_cast<size_t>(bits) + 1; b < byBits.size(); ++b) sum += byBits[b];
    return sum;
}

bool QuantizedProduct::isLiftedOut(int64_t k) const {
    return std::binary_search(liftedOut.begin(), liftedOut.end(), k);
}

int64_t QuantizedProduct::corrected(int64_t row, int64_t channel) const {
    const ProductSegment& only = segments.front();
    const int64_t zx = x.zeroPoint(row, 0);
    const int64_t zw = w.zeroPoint(channel, 0);
    return only.sums[static_cast<size_t>(row * channels + channel)] -
           zw * only.xSums[static_cast<size_t>(row)] - zx * only.wSums[static_cast<size_t>(channel)] +
           depth * zx * zw;
}

int64_t safeDepth(const ProductOperand& x, const ProductOperand& w) {
    const int64_t plain = int64_t{x.largestCode()} * w.largestCode();
    const int64_t shifted = int64_t{x.largestDistance()} * w.largestDistance();
    const int64_t limit = std::numeric_limits<int32_t>::max() / std::max<int64_t>({1, plain, shifted});
    return std::min(limit, kMaxInputsS8S8);
}

Result<QuantizedProduct> quantizedProduct(const ProductInput& input, const KernelTable& kernels,
                                          const Job& job) {
    if (Status fits = checkShapes(input); !fits) return fail(fits.error());
    QuantizedProduct product;
    product.rows = input.x.rows;
    product.channels = input.w.rows;
    product.depth = input.x.cols;
    product.calibrationRows = input.activations.isStatic ? input.calibrationRows : 0;
    auto x = quantizeActivations(input, product, kernels, job.part(0, 0.1));
    if (!x) return fail(x.error());
    product.x = std::move(*x);
    auto w = input.methodWeights ? productOperand(input.methodWeights)
                                 : productOperand(input.w, input.weights, kernels, job.part(0.1, 0.2));
    if (!w) return fail(w.error());
    product.w = std::move(*w);
    product.isInteger = !product.x.isFloat() && !product.w.isFloat();
    std::vector<double> output(static_cast<size_t>(product.rows * product.channels));
    const Job middle = job.part(0.2, 0.6);
    Status done = product.isInteger ? multiplyCodes(product, kernels, middle, output)
                                    : multiplyValues(product, middle, output);
    if (!done) return fail(done.error());
    addLiftedOut(input, product, output);
    product.output.assign(output.begin(), output.end());
    product.exact = input.exact;
    if (!product.exact) {
        auto exact = exactProduct(input.x, input.w, job.part(0.6, 1));
        if (!exact) return fail(exact.error());
        product.exact = std::make_shared<const std::vector<float>>(std::move(*exact));
    }
    product.error = errorOf(product);
    return product;
}

}  // namespace quantscope
