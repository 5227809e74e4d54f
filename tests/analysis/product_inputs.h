// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "analysis/product/product.h"
#include "io/checkpoint.h"
#include "methods/interface/variant.h"
#include "quant/passes/to_float.h"
#include "support/paths.h"
#include "tensor/tensor.h"

namespace quantscope::test {

/// A matrix of the worked examples; `transposed` turns the lectures' [in x out] into [out x in].
inline Tensor exampleMatrix(const std::string& name, bool transposed) {
    const auto opened = openCheckpoint(sourcePath("samples/worked-examples/" + name + ".npy"));
    if (!opened) return {};
    const auto stored = (*opened)->load((*opened)->tensors().front().name);
    if (!stored) return {};
    const Tensor values = toFloat32(*stored).value();
    if (!transposed) return values;
    const MatrixView m = values.matrix();
    std::vector<float> turned;
    for (int64_t c = 0; c < m.cols; ++c)
        for (int64_t r = 0; r < m.rows; ++r) turned.push_back(m.at(r, c));
    return Tensor::fromFloats({m.cols, m.rows}, std::move(turned));
}

/// X and W with how they are quantized, as a variant's text says.
struct ProductCase {
    Tensor x;
    Tensor w;
    ProductInput input;

    ProductCase(Tensor left, Tensor right, const std::string& variantText)
        : x(std::move(left)), w(std::move(right)) {
        const Variant variant = parseVariant(variantText).value();
        input.x = x.matrix();
        input.w = w.matrix();
        input.weights = variant.weights.scheme;
        input.activations = variant.activations.value_or(ActivationRecipe{floatScheme()});
    }
    static ProductCase example(const std::string& name, const std::string& variantText) {
        return {exampleMatrix(name + "-x", false), exampleMatrix(name + "-w", true), variantText};
    }
};

inline Result<QuantizedProduct> productOf(const ProductCase& given) {
    return quantizedProduct(given.input, *kernelTables().back(), {});
}

}  // namespace quantscope::test
