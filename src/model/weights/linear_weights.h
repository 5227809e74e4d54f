// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "kernels/float_gemm.h"
#include "kernels/kernel_table.h"
#include "methods/interface/method.h"
#include "methods/interface/variant.h"
#include "model/model.h"
#include "model/weights/integer_weights.h"

namespace quantscope {

class CalibrationSource;
class FinishedLayers;
class OrderedCalibration;
struct BlockOperators;
struct VariantPlan;

/// What a layer's input depends on beside the layer, when its statistics come after the layers before it were
/// quantized, and how to get them.
struct OrderedInputs {
    std::shared_ptr<const VariantPlan> plan;
    std::function<Result<std::shared_ptr<const CalibrationStatistics>>(const Job&)> statistics;
};

/// A weight after a recipe: its float values, and what it costs to store.
struct QuantizedWeight {
    Tensor values;  ///< F32 [out x in]; the original tensor itself for a float recipe
    double bitsPerWeight = 0;
    uint64_t bytes = 0;
    std::optional<ActivationTransform> transform;  ///< that the input would take; `values` need none
};

/// What a method may use beside the weight itself.
struct LayerContext {
    std::shared_ptr<const CalibrationStatistics> calibration;
    std::vector<Tensor> siblings;  ///< weights of all layers that read the same input
    ProductFunction product;
};

/// Applies a recipe. A float recipe costs what the file stores. Round to nearest takes the kernel table's
/// elementwise passes and equals the method's own quantize() and dequantize().
Result<QuantizedWeight> applyRecipe(const LinearInfo& layer, const Tensor& weight, const Recipe& recipe,
                                    const KernelTable& kernels, const Job& job,
                                    const LayerContext& context = {});

/// How a layer's codes will be multiplied.
struct IntegerUse {
    IntegerLayout layout = IntegerLayout::Int8;
    bool keepCodes = false;  ///< for outlier channels
    bool operator==(const IntegerUse&) const = default;
};

/// One linear layer ready to run: packed floats, or codes.
struct LinearWeights {
    PackedWeights packed;
    std::shared_ptr<const IntegerWeights> integer;  ///< instead, where it was asked for
    double bitsPerWeight = 0;
    uint64_t bytes = 0;
    std::optional<ActivationTransform> transform;  ///< for activation quantizers: the basis they work in

    [[nodiscard]] uint64_t memory() const { return integer ? integer->bytes() : packed.bytes(); }
};

/// Makes packed weights for (layer, recipe) and remembers them, least recently used out first. The float
/// weight of the layer asked for last is kept, so that several recipes for one layer decode it once.
class WeightStore {
 public:
    WeightStore(const Model& model, const KernelTable& kernels, uint64_t maxBytes)
        : m_model(model), m_kernels(kernels), m_gemm(kernels), m_maxBytes(maxBytes) {}
    ~WeightStore();

    WeightStore(const WeightStore&) = delete;
    WeightStore& operator=(const WeightStore&) = delete;

    /// `use`: codes for an integer product instead of floats; Unsupported where the method leaves none.
    /// `ordered`: instead of the calibration's statistics.
    Result<LinearWeights> get(const LinearInfo& layer, const Recipe& recipe, const Job& job,
                              const std::optional<IntegerUse>& use = {},
                              const OrderedInputs* ordered = nullptr);
    /// The float weight, [out x in].
    Result<Tensor> floats(const LinearInfo& layer, const Job& job = {});

    /// Where methods that need calibration get it; null = such recipes fail. Forgets what they made before.
    void setCalibration(std::shared_ptr<CalibrationSource> calibration);
    [[nodiscard]] CalibrationSource* calibration() const { return m_calibration.get(); }

    /// The calibration text's way through the layers of this plan. A new one starts where a plan with the
    /// same layers so far is, at `block` at most. Unsupported when the calibration has no text.
    Result<std::shared_ptr<OrderedCalibration>> ordered(const VariantPlan& plan, int64_t block);
    /// This block of the plan stands: the text on its way through it may go on.
    Status tellOrdered(const VariantPlan& plan, int64_t block, const BlockOperators& operators,
                       const Job& job);
    /// Drops the texts on their way; what was made stays.
    void endOrdered() { m_ordered.clear(); }
    /// Drops what was made with ordered inputs, too: something that plans do not tell has changed.
    void forgetOrdered();

    /// Where layers that a method has quantized are kept from one run to the next; null = nowhere.
    /// `rangesFingerprint`: of the text that static activations have their ranges from.
    void setFinished(std::shared_ptr<FinishedLayers> finished, std::string modelFingerprint,
                     std::string rangesFingerprint);

    void setLimit(uint64_t maxBytes);
    [[nodiscard]] uint64_t bytesKept() const { return m_bytes; }

 private:
    struct Entry {
        std::string layer;
        Recipe recipe;
        std::optional<IntegerUse> use;
        std::shared_ptr<const VariantPlan> past;  ///< the plan whose earlier layers the inputs came through
        LinearWeights weights;
    };
    [[nodiscard]] bool samePast(const Entry& entry, const LinearInfo& layer,
                                const OrderedInputs* ordered) const;
    void trim();
    Result<LinearWeights> make(const LinearInfo& layer, const Recipe& recipe, const OrderedInputs* ordered,
                               const std::optional<IntegerUse>& use, const Job& job);
    /// By the recipe's method, or from the kept layers.
    Result<LayerResult> byMethod(const LinearInfo& layer, const Recipe& recipe, const OrderedInputs* ordered,
                                 const Job& job);
    /// All that the layer's codes depend on; empty where a plan does not tell it.
    [[nodiscard]] std::string keyOf(const LinearInfo& layer, const Recipe& recipe,
                                    const OrderedInputs* ordered) const;
    Result<LayerContext> contextFor(const LinearInfo& layer, const Recipe& recipe,
                                    const OrderedInputs* ordered, const Job& job);

    const Model& m_model;
    const KernelTable& m_kernels;
    FloatGemm m_gemm;
    uint64_t m_maxBytes;
    uint64_t m_bytes = 0;
    std::list<Entry> m_entries;  ///< most recently used first
    std::string m_lastLayer;
    Tensor m_lastFloats;
    std::shared_ptr<CalibrationSource> m_calibration;
    std::vector<std::shared_ptr<OrderedCalibration>> m_ordered;
    std::shared_ptr<FinishedLayers> m_finished;
    std::string m_modelFingerprint;
    std::string m_rangesFingerprint;
};

}  // namespace quantscope
