// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <utility>

#include "base/job.h"
#include "base/result.h"
#include "kernels/float_gemm.h"
#include "kernels/kernel_table.h"
#include "methods/variant.h"
#include "model/model.h"

namespace quantscope {

/// A weight after a recipe: its float values, and what it costs to store.
struct QuantizedWeight {
    Tensor values;  ///< F32 [out x in]; the original tensor itself for a float recipe
    double bitsPerWeight = 0;
    uint64_t bytes = 0;
};

/// Applies a recipe. A float recipe costs what the file stores. Round to nearest takes the kernel table's
/// elementwise passes and equals the method's own quantize() and dequantize().
Result<QuantizedWeight> applyRecipe(const LinearInfo& layer, const Tensor& weight, const Recipe& recipe,
                                    const KernelTable& kernels, const Job& job);

/// One linear layer ready to run.
struct LinearWeights {
    PackedWeights packed;
    double bitsPerWeight = 0;
    uint64_t bytes = 0;
};

/// Makes packed weights for (layer, recipe) and remembers them, least recently used out first. The float
/// weight of the layer asked for last is kept, so that several recipes for one layer decode it once.
class WeightStore {
 public:
    WeightStore(const Model& model, const KernelTable& kernels, FloatGemm& gemm, uint64_t maxBytes)
        : m_model(model), m_kernels(kernels), m_gemm(gemm), m_maxBytes(maxBytes) {}

    Result<LinearWeights> get(const LinearInfo& layer, const Recipe& recipe, const Job& job);
    /// The float weight, [out x in].
    Result<Tensor> floats(const LinearInfo& layer);

    void setLimit(uint64_t maxBytes);
    [[nodiscard]] uint64_t bytesKept() const { return m_bytes; }

 private:
    struct Entry {
        std::string layer;
        Recipe recipe;
        LinearWeights weights;
    };
    void trim();

    const Model& m_model;
    const KernelTable& m_kernels;
    FloatGemm& m_gemm;
    uint64_t m_maxBytes;
    uint64_t m_bytes = 0;
    std::list<Entry> m_entries;  ///< most recently used first
    std::string m_lastLayer;
    Tensor m_lastFloats;
};

}  // namespace quantscope
