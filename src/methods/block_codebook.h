// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "methods/interface/method.h"
#include "methods/parts/codebook_codes.h"

namespace quantscope {

/// The 4-bit storage of bitsandbytes and QLoRA (Dettmers et al. 2023): blocks of consecutive elements of the
/// flattened weight, each divided by its absmax and rounded to the nearest of 16 levels (NF4 or FP4).
/// "double" quantizes the absmax values, less their mean, to 8 bits in blocks of 256. Bit-exact with
/// bitsandbytes on finite weights. Bytes: half a byte an element, four (or one and a little) a block; the
/// level tables are part of the format.
class BlockCodebook : public Method {
 public:
    explicit BlockCodebook(CodebookLevels levels);
    [[nodiscard]] const MethodInfo& info() const override { return m_info; }
    [[nodiscard]] Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                               const Job& job) const override;
    [[nodiscard]] double storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const override;
    [[nodiscard]] CodesAnswer elementCodes(const Tensor& weight, const Recipe& recipe,
                                           const LayerResult& result) const override;

 private:
    CodebookLevels m_levels;
    MethodInfo m_info;
};

}  // namespace quantscope
