// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "base/job.h"
#include "base/result.h"
#include "kernels/kernel_table.h"
#include "methods/interface/variant.h"
#include "model/model.h"
#include "tensor/tensor.h"

namespace quantscope {

/// The embedding matrix, read row by row from the form the file stores it in, or as a recipe has changed it.
class Embedding {
 public:
    static Result<Embedding> open(const Model& model, const Recipe& recipe, const KernelTable& kernels,
                                  const Job& job);

    /// dst [tokens x hidden]. Ids must lie inside the vocabulary (asserted).
    void look(std::span<const int32_t> tokens, float* dst) const;

 private:
    explicit Embedding(Tensor table) : m_table(std::move(table)) {}
    Tensor m_table;
};

/// InvalidArgument for ids outside the vocabulary.
Status checkTokens(const Model& model, std::span<const int32_t> tokens);

}  // namespace quantscope
