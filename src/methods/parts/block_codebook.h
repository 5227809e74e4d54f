// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "methods/interface/method.h"

namespace quantscope {

/// What bitsandbytes stores of a weight: w = absmax[i / block] level[code].
struct CodebookCodes {
    std::vector<uint8_t> codes;  ///< index in the sorted levels, one an element
    std::vector<float> absmax;   ///< as readers get it: after its own quantization where there is one
    // "double": absmax = absmaxScales[b / 256] dynamicLevels()[absmaxCodes[b]] + offset.
    std::vector<uint8_t> absmaxCodes;
    std::vector<float> absmaxScales;
    float offset = 0;
};

/// The 4-bit storage of bitsandbytes and QLoRA (Dettmers et al. 2023): blocks of consecutive elements of the
/// flattened weight, each divided by its absmax and rounded to the nearest of 16 levels (NF4 or FP4).
/// "double" quantizes the absmax values, less their mean, to 8 bits in blocks of 256. Bit-exact with
/// bitsandbytes on finite weights. Bytes: half a byte an element, four (or one and a little) a block; the
/// level tables are part of the format.
class BlockCodebook : public Method {
 public:
    enum class Levels { Nf4, Fp4 };
    explicit BlockCodebook(Levels levels);
    [[nodiscard]] const MethodInfo& info() const override { return m_info; }
    [[nodiscard]] Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                               const Job& job) const override;
    [[nodiscard]] double storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const override;
    /// The codes of what quantize() gives values of.
    [[nodiscard]] CodebookCodes encode(const Tensor& weight, const Recipe& recipe) const;

 private:
    [[nodiscard]] std::span<const float> levels() const;

    Levels m_levels;
    MethodInfo m_info;
};

}  // namespace quantscope
