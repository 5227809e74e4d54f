// SPDX-License-Identifier: Apache-2.0
#include "model/forward/embedding.h"

#include <fmt/format.h>

#include <cassert>

#include "base/parallel_for.h"
#include "model/weights/linear_weights.h"
#include "quant/passes/to_float.h"

namespace quantscope {

Result<Embedding> Embedding::open(const Model& model, const Recipe& recipe, const KernelTable& kernels,
                                  const Job& job) {
    if (recipe.scheme.format == "float") {
        auto stored = model.storedWeight(kEmbeddingName);
        if (!stored) return fail(stored.error());
        return Embedding(std::move(*stored));
    }
    auto weight = model.weight(kEmbeddingName);
    if (!weight) return fail(weight.error());
    LinearInfo info = model.head();
    info.name = kEmbeddingName;
    auto quantized = applyRecipe(info, *weight, recipe, kernels, job);
    if (!quantized) return fail(quantized.error());
    return Embedding(std::move(quantized->values));
}

void Embedding::look(std::span<const int32_t> tokens, float* dst) const {
    const int64_t width = m_table.cols();
    parallelFor(static_cast<int64_t>(tokens.size()), 32, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const int32_t id = tokens[static_cast<size_t>(i)];
            assert(id >= 0 && id < m_table.rows());
            decodeRows(m_table, id, 1, dst + i * width);
        }
    });
}

Status checkTokens(const Model& model, std::span<const int32_t> tokens) {
    for (size_t i = 0; i < tokens.size(); ++i) {
        if (tokens[i] < 0 || tokens[i] >= model.config().vocabulary) {
            return fail(ErrorKind::InvalidArgument,
                        fmt::format("token {} at position {} is outside the vocabulary of {}", tokens[i], i,
                                    model.config().vocabulary),
                        "tokens", "Encode the text with this model's tokenizer.");
        }
    }
    return {};
}

}  // namespace quantscope
