// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/job.h"
#include "base/result.h"
#include "kernels/float_gemm.h"
#include "model/weights/integer_weights.h"
#include "model/weights/layer_quantizer.h"
#include "model/weights/recently_used.h"

namespace quantscope {

/// A weight after a recipe: its float values, and what it costs to store.
struct QuantizedWeight {
    Tensor values;  ///< F32 [out x in]; the original tensor itself for a float recipe
    double bitsPerWeight = 0;
    uint64_t bytes = 0;
};

/// Applies a recipe to a weight that has no inputs to be calibrated on. A float recipe costs what the file
/// stores. Round to nearest takes the kernel table's elementwise passes and equals the method's own
/// quantize() and dequantize().
Result<QuantizedWeight> applyRecipe(const LinearInfo& layer, const Tensor& weight, const Recipe& recipe,
                                    const KernelTable& kernels, const Job& job);

/// How a layer's codes will be multiplied.
struct IntegerUse {
    IntegerLayout layout = IntegerLayout::Int8;
    bool keepCodes = false;  ///< for outlier channels
    bool operator==(const IntegerUse&) const = default;
};
/// As the plan executes its layer `index`; none: in float.
Result<std::optional<IntegerUse>> integerUse(const VariantPlan& plan, size_t index);

/// One linear layer ready to run: packed floats, or codes.
struct LinearWeights {
    PackedWeights packed;
    std::shared_ptr<const IntegerWeights> integer;  ///< instead, where it was asked for
    std::optional<ActivationTransform> transform;   ///< for activation quantizers: the basis they work in

    [[nodiscard]] uint64_t memory() const { return integer ? integer->bytes() : packed.bytes(); }
};

/// Is shown a layer's weight when it is packed.
using WeightSeen = std::function<Status(const LinearInfo&, const QuantizedWeight&)>;

/// Packs what a LayerQuantizer gives for running, and remembers it, least recently used out first.
class WeightStore {
 public:
    WeightStore(LayerQuantizer& layers, uint64_t maxBytes) : m_layers(layers), m_packed(maxBytes) {}
    WeightStore(const WeightStore&) = delete;
    WeightStore& operator=(const WeightStore&) = delete;

    [[nodiscard]] LayerQuantizer& layers() { return m_layers; }

    /// What is packed already, or can be from a layer that is known: nothing is quantized. Else none.
    Result<std::optional<LinearWeights>> find(const VariantPlan& plan, const LinearInfo& layer,
                                              const Job& job);
    /// Quantizes the layer on these statistics of its inputs (null where its recipe needs none) and packs it.
    /// Unsupported where an integer product is asked for and the method leaves no codes.
    Result<LinearWeights> make(const VariantPlan& plan, const LinearInfo& layer,
                               const StatisticsPtr& statistics, const Job& job);
    /// From now on every weight is shown when it is packed, and none is taken from those that are.
    void showTo(WeightSeen seen) { m_seen = std::move(seen); }

    void setLimit(uint64_t maxBytes) { m_packed.setLimit(maxBytes); }
    [[nodiscard]] uint64_t bytesKept() const { return m_packed.bytes(); }

 private:
    struct Key {
        LayerKey layer;
        std::optional<IntegerUse> use;
        bool operator==(const Key&) const = default;
    };
    Result<Key> keyOf(const VariantPlan& plan, const LinearInfo& layer);
    Result<LinearWeights> elementwise(const LinearInfo& layer, Key key, const Recipe& recipe, const Job& job);
    Result<LinearWeights> pack(const LinearInfo& layer, Key key, const QuantizedLayer& quantized,
                               const Job& job);
    Status show(const LinearInfo& layer, const QuantizedWeight& weight) const;
    LinearWeights remember(Key key, LinearWeights weights);

    LayerQuantizer& m_layers;
    RecentlyUsed<Key, LinearWeights> m_packed;
    WeightSeen m_seen;
};

}  // namespace quantscope
