// SPDX-License-Identifier: Apache-2.0
#include "model/forward/linear_runner.h"

#include <algorithm>
#include <cassert>

#include "base/parallel_for.h"

namespace quantscope {
namespace {

constexpr int64_t kElementsAtOnce = 16384;

template <class T>
void grow(std::vector<T>& buffer, int64_t count) {
    if (buffer.size() < static_cast<size_t>(count)) buffer.resize(static_cast<size_t>(count));
}

/// So few that laying out the columns for a product takes longer than the product.
constexpr int64_t kFewRows = 8;

/// y += outlier values times columns [outputs x outlierWidth].
void addFewRows(const InputCodes& x, const float* columns, int64_t outputs, float* y) {
    for (int64_t row = 0; row < x.rows; ++row) {
        const float* values = x.outlierValues.data() + row * x.outlierWidth;
        for (int64_t j = 0; j < outputs; ++j) {
            const float* column = columns + j * x.outlierWidth;
            float sum = 0;
            for (size_t c = 0; c < x.outliers.size(); ++c) sum += values[c] * column[c];
            y[row * outputs + j] += sum;
        }
    }
}

}  // namespace

void LinearRunner::setInput(const MatrixView& x) {
    m_input = x;
    m_valuesOf.reset();
    m_codesOf.reset();
}

Result<MatrixView> LinearRunner::values(const LinearOperator& layer) {
    if (!layer.input) return m_input;
    const MatrixView made{m_values.data(), m_input.rows, m_input.cols, m_input.cols};
    if (m_valuesOf == layer.input) return made;
    const StageTimer timer(m_times.inputs);
    grow(m_values, m_input.size());
    if (layer.input->quantizer) {
        if (Status done = layer.input->quantizer->apply(m_input, m_values.data()); !done)
            return fail(done.error());
    } else {
        applyTransform(*layer.input->transform, m_input, m_values.data());
    }
    m_valuesOf = layer.input;
    return MatrixView{m_values.data(), m_input.rows, m_input.cols, m_input.cols};
}

Result<const InputCodes*> LinearRunner::codes(const LinearOperator& layer) {
    if (m_codesOf == layer.input) return &m_codes;
    const StageTimer timer(m_times.inputs);
    m_codesOf.reset();
    if (Status done = layer.input->quantizer->encode(m_input, layer.input->isSigned, m_codes); !done)
        return fail(done.error());
    m_codesOf = layer.input;
    return &m_codes;
}

Status LinearRunner::multiply(const LinearOperator& layer, float* y) {
    if (Status done = product(layer, y); !done) return done;
    if (layer.bias.size() > 0) addBias(layer, y);
    return {};
}

void LinearRunner::addBias(const LinearOperator& layer, float* y) {
    const StageTimer timer(m_times.elementwise);
    const float* bias = layer.bias.floats().data();
    const int64_t width = layer.outputs();
    parallelFor(m_input.rows, std::max<int64_t>(1, kElementsAtOnce / width), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row)
            m_kernels.forward.addInPlace(bias, y + row * width, width);
    });
}

Status LinearRunner::product(const LinearOperator& layer, float* y) {
    if (layer.integer) return integerProduct(layer, y, false);
    auto x = values(layer);
    if (!x) return fail(x.error());
    const StageTimer timer(m_times.products);
    m_gemm.multiply(*x, layer.packed, y);
    return {};
}

Status LinearRunner::multiply(const LinearOperator& layer, const TileSink& sink) {
    assert(layer.bias.size() == 0);
    auto x = values(layer);
    if (!x) return fail(x.error());
    const StageTimer timer(m_times.products);
    m_gemm.multiply(*x, layer.packed, sink);
    return {};
}

Status LinearRunner::multiplyOnto(const LinearOperator& layer, float* y) {
    assert(layer.bias.size() == 0);
    if (layer.integer) return integerProduct(layer, y, true);
    auto x = values(layer);
    if (!x) return fail(x.error());
    const StageTimer timer(m_times.products);
    m_gemm.multiplyOnto(*x, layer.packed, y);
    return {};
}

Status LinearRunner::integerProduct(const LinearOperator& layer, float* y, bool accumulate) {
    const IntegerWeights& weights = *layer.integer;
    if (weights.layout() == IntegerLayout::Int8) {
        auto x = codes(layer);
        if (!x) return fail(x.error());
        const StageTimer timer(m_times.products);
        Int8Dequantize dequantize;
        dequantize.rowScales = (*x)->scales.data();
        dequantize.rowZeros = (*x)->zeros.data();
        dequantize.columnScales = weights.scales();
        dequantize.columnZeros = weights.zeros();
        dequantize.accumulate = accumulate;
        if (Status done = multiplyInt8(m_kernels, (*x)->view(), weights.int8(), dequantize, y); !done)
            return done;
        return (*x)->outliers.empty() ? Status{} : addOutliers(weights, **x, y);
    }
    const int64_t count = m_input.rows * weights.outputs();
    if (accumulate) grow(m_product, count);
    float* const dst = accumulate ? m_product.data() : y;
    if (weights.layout() == IntegerLayout::Int4) {
        auto x = codes(layer);
        if (!x) return fail(x.error());
        const StageTimer timer(m_times.products);
        Status done = multiplyInt4(m_kernels, (*x)->view(), (*x)->scales.data(), weights.int4(), dst);
        if (!done) return done;
    } else {
        auto x = values(layer);
        if (!x) return fail(x.error());
        const StageTimer timer(m_times.products);
        if (Status done = multiplyInt4(m_kernels, *x, weights.int4(), dst); !done) return done;
    }
    if (!accumulate) return {};
    const StageTimer timer(m_times.elementwise);
    parallelFor(count, kElementsAtOnce, [&](int64_t begin, int64_t end) {
        m_kernels.forward.addInPlace(dst + begin, y + begin, end - begin);
    });
    return {};
}

/// LLM.int8(): the channels that stayed in float, times their dequantized weights.
Status LinearRunner::addOutliers(const IntegerWeights& weights, const InputCodes& x, float* y) {
    const std::vector<float> columns = weights.columns(x.outliers, x.outlierWidth);
    const int64_t width = weights.outputs();
    if (x.rows <= kFewRows) {
        addFewRows(x, columns.data(), width, y);
        return {};
    }
    const auto packed = FloatGemm::pack({columns.data(), width, x.outlierWidth, x.outlierWidth});
    if (!packed) return fail(packed.error());
    m_gemm.multiplyOnto({x.outlierValues.data(), x.rows, x.outlierWidth, x.outlierWidth}, *packed, y);
    return {};
}

}  // namespace quantscope
