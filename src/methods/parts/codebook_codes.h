// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "methods/interface/variant.h"
#include "methods/parts/stored_values.h"
#include "tensor/tensor.h"

namespace quantscope {

/// The 16 levels of bitsandbytes' four-bit storage.
enum class CodebookLevels { Nf4, Fp4 };

/// How a weight is stored on them: `block` consecutive elements of the flattened weight share an absmax.
struct CodebookStorage {
    CodebookLevels levels = CodebookLevels::Nf4;
    int64_t block = 64;
    bool doubled = false;  ///< the absmax values themselves in 8 bits
};

/// What bitsandbytes stores of a weight: w = absmax[i / block] level[code].
struct CodebookCodes {
    std::vector<uint8_t> codes;  ///< index in the sorted levels, one an element
    std::vector<float> absmax;   ///< as readers get it: after its own quantization where there is one
    // "double": absmax = absmaxScales[b / 256] dynamicLevels()[absmaxCodes[b]] + offset.
    std::vector<uint8_t> absmaxCodes;
    std::vector<float> absmaxScales;
    float offset = 0;
};

/// What a recipe of method nf4 or fp4 says.
CodebookStorage codebookStorage(const Recipe& recipe);
CodebookCodes encodeCodebook(const Tensor& weight, const CodebookStorage& storage);
/// The values of encodeCodebook()'s codes, without the codes.
FloatBuffer codebookValues(const Tensor& weight, const CodebookStorage& storage);
double codebookBytes(int64_t elements, const CodebookStorage& storage);

}  // namespace quantscope
