// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "methods/interface/variant.h"
#include "quant/estimators/run_extremes.h"
#include "quant/formats/codebooks.h"
#include "quant/scheme/parameter.h"
#include "tensor/tensor.h"

namespace quantscope {

// What methods fp8, mxfp4, mxfp6, mxfp8 and nvfp4 compute and store, for files that hold codes instead of
// values.

constexpr int64_t kMxBlock = 32;  ///< inputs that share an exponent in a microscaling format
constexpr int64_t kNvBlock = 16;  ///< inputs that share a scale in NVFP4

/// Small floats by name: "e4m3", "e5m2", "e2m3", "e3m2".
Minifloat minifloatNamed(const std::string& name);
/// The parameter "element": one of two small floats, the first by default.
ParameterInfo elementChoice(std::string first, std::string second);

/// FP8: w = code scale, one scale a block of blockRows x blockCols (row-major grid of blocks).
struct Fp8Codes {
    bool e5m2 = false;
    int64_t blockRows = 0;
    int64_t blockCols = 0;
    std::vector<uint8_t> codes;  ///< [rows x cols]
    std::vector<float> scales;
};
/// `recipe` is one of method fp8.
Fp8Codes encodeFp8(const Tensor& weight, const Recipe& recipe);

/// FP8's scale of a block: absmax / largest, 1 for a block of zeros.
float fp8Scale(float absmax, const Minifloat& element);

/// NVFP4 and MXFP4: w = e2m1(code) scale tensorScale, one scale for `block` inputs.
struct Fp4Codes {
    int64_t block = 16;
    std::vector<uint8_t> codes;   ///< [rows x cols], sign in bit 3
    std::vector<uint8_t> scales;  ///< [rows x ceil(cols / block)]: E4M3 (NVFP4) or exponent + 127 (MXFP4)
    float tensorScale = 1;
};
Fp4Codes encodeNvfp4(const Tensor& weight);
/// `recipe` is one of method mxfp4.
Fp4Codes encodeMxfp4(const Tensor& weight, const Recipe& recipe);

/// NVFP4's scale of a tensor, absmax / (448 * 6), and of a block under it.
float nvfp4TensorScale(float absmax);
float nvfp4BlockScale(float absmax, float tensorScale);

/// How a block's absmax becomes the power of two that a microscaling format shares.
enum class ExponentRule { Floor, Even, Ceil };
/// "floor", "even", "ceil".
ExponentRule exponentRule(const std::string& name);
int sharedExponent(float absmax, const Minifloat& element, ExponentRule rule);
/// 2^exponent, at least the smallest normal float.
float sharedScale(int exponent);

}  // namespace quantscope
