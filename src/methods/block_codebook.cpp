// SPDX-License-Identifier: Apache-2.0
#include "methods/block_codebook.h"

#include <algorithm>

#include "methods/parts/level_codes.h"

namespace quantscope {

BlockCodebook::BlockCodebook(CodebookLevels levels) : m_levels(levels) {
    const bool nf4 = levels == CodebookLevels::Nf4;
    m_info.name = nf4 ? "nf4" : "fp4";
    m_info.label = nf4 ? "NF4 (QLoRA)" : "FP4 (bitsandbytes)";
    m_info.source = "Dettmers et al., QLoRA, NeurIPS 2023 (arXiv:2305.14314)";
    m_info.help =
        nf4 ? "r = absmax L[q]: 16 levels at quantiles of the normal distribution, one absmax a block"
            : "r = absmax L[q]: 16 levels of a float with 2 bits of exponent, one absmax a block";
    m_info.usesScheme = false;
    m_info.minimumBits = 4;
    m_info.maximumBits = 5;
    m_info.scheme.bits = 4;
    ParameterInfo block = integerParameter(
        "block", "Block", "elements of the flattened weight that share an absmax", 1, 1 << 20, "64");
    for (const char* size : {"32", "64", "128", "256", "512", "1024", "2048", "4096"})
        block.choices.push_back({size, size, ""});
    m_info.parameters = {block,
                         toggleParameter("double", "Double quantization",
                                         "the absmax values in 8 bits, in blocks of 256, less their mean")};
}

double BlockCodebook::storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const {
    return codebookBytes(rows * cols, codebookStorage(recipe));
}

Result<LayerResult> BlockCodebook::quantize(const LayerInput& input, const Recipe& recipe,
                                            const Job& job) const {
    if (!job.proceed(0, m_info.name)) return fail(ErrorKind::Cancelled, m_info.name + " was stopped");
    return valuesResult(input.weight.shape(), codebookValues(input.weight, codebookStorage(recipe)),
                        storedBytes(recipe, input.weight.rows(), input.weight.cols()));
}

CodesAnswer BlockCodebook::elementCodes(const Tensor& weight, const Recipe& recipe,
                                        const LayerResult& result) const {
    const CodebookStorage storage = codebookStorage(recipe);
    const int64_t block = std::max<int64_t>(1, std::min(storage.block, weight.size()));
    const GroupLayout layout{1, weight.size(), 1, block};
    const CodebookCodes encoded = encodeCodebook(weight, storage);
    const auto levels = storage.levels == CodebookLevels::Nf4 ? nf4Levels() : fp4Levels();
    return {std::make_shared<const StoredCodes>(
                levelCodes(result.values->matrix(), layout, encoded.absmax, levels,
                           "level of " + m_info.label + ", counted from the smallest")),
            {}};
}

}  // namespace quantscope
