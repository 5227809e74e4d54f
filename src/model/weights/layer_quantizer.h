// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
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
#include "model/calibration/calibration_source.h"
#include "model/evaluation/variant_plan.h"
#include "model/forward/block_operators.h"
#include "model/model.h"
#include "model/weights/layer_key.h"
#include "model/weights/recently_used.h"

namespace quantscope {

class FinishedLayers;
class OrderedCalibration;

/// A layer after its method: codes or values, transform, notes, the trace of the method's insides.
struct QuantizedLayer {
    LayerResult result;
    double bitsPerWeight = 0;
    uint64_t bytes = 0;       ///< stored
    bool isReadBack = false;  ///< from a folder of finished layers, which keeps no traces
    /// The weight [out x in], in the layer's own basis.
    [[nodiscard]] Tensor floats() const { return result.floats(); }
    /// Bytes it takes here.
    [[nodiscard]] uint64_t memory() const;
};
using QuantizedLayerPtr = std::shared_ptr<const QuantizedLayer>;

using StatisticsPtr = std::shared_ptr<const CalibrationStatistics>;

/// The one place where linear layers of a model meet their methods: what a method receives for a layer
/// (weight, statistics of its inputs in the order the recipe asks for, the weights that share its input, a
/// matrix product), what was quantized already - remembered up to a number of bytes, or kept in a folder by
/// an earlier run - and the method's run. Whoever needs a quantized layer asks it, so that nothing is
/// quantized twice. One thread at a time; model and kernels must outlive it.
class LayerQuantizer {
 public:
    /// `maxBytes`: of quantized layers that are remembered.
    LayerQuantizer(const Model& model, const KernelTable& kernels, uint64_t maxBytes);
    ~LayerQuantizer();
    LayerQuantizer(const LayerQuantizer&) = delete;
    LayerQuantizer& operator=(const LayerQuantizer&) = delete;

    [[nodiscard]] const Model& model() const { return m_model; }
    [[nodiscard]] const KernelTable& kernels() const { return m_kernels; }

    /// Where methods that need calibration get it; null = they fail.
    void setCalibration(std::shared_ptr<CalibrationSource> calibration);
    [[nodiscard]] CalibrationSource* calibration() const { return m_calibration.get(); }
    /// The tokens (one window) over which the float model's inputs give static activations their ranges.
    void setRangesText(std::vector<int32_t> tokens);
    /// Where layers that a method has quantized are kept from one run to the next; null = nowhere.
    void setFinished(std::shared_ptr<FinishedLayers> finished) { m_finished = std::move(finished); }
    void setLimit(uint64_t maxBytes) { m_known.setLimit(maxBytes); }

    /// The layer under the plan's recipe for it, a float recipe included. Where its inputs come through the
    /// plan's quantized layers, the calibration text is taken through the blocks before it. `withTrace`: not
    /// one that was read back without the trace its method would leave. Errors name the layer.
    Result<QuantizedLayerPtr> quantize(const VariantPlan& plan, const LinearInfo& layer, const Job& job,
                                       bool withTrace = false);

    /// For those who take a text through the blocks of the plan themselves: the layer if it is remembered or
    /// kept in the folder, else null.
    Result<QuantizedLayerPtr> find(const VariantPlan& plan, const LinearInfo& layer);
    /// Runs the method on what was gathered of its inputs (null where it needs nothing) and remembers.
    Result<QuantizedLayerPtr> compute(const VariantPlan& plan, const LinearInfo& layer,
                                      const StatisticsPtr& statistics, const Job& job);
    /// Whose outputs the recipe's inputs are: as it says, or its method by default; where only statistics of
    /// the float model are at hand, a default means those.
    [[nodiscard]] InputOrder orderOf(const Recipe& recipe) const;
    /// A sentence about the recipes of the plan whose default does not hold for that reason; else none.
    [[nodiscard]] std::optional<std::string> orderNote(const VariantPlan& plan) const;
    /// Of the float model's inputs; null where the recipe needs none or there is no calibration.
    Result<StatisticsPtr> floatStatistics(const LinearInfo& layer, const Recipe& recipe, const Job& job);
    /// What the method receives.
    Result<LayerInput> inputOf(const LinearInfo& layer, const Recipe& recipe, StatisticsPtr statistics,
                               const Job& job);
    /// The float weight [out x in]; that of the layer asked for last is kept.
    Result<Tensor> floats(const LinearInfo& layer, const Job& job = {});
    /// Ranges of static activations, by block and input point.
    Result<std::shared_ptr<const StaticQuantizers>> ranges(const Scheme& scheme, const Job& job);

    /// The calibration text's way through the layers of this plan. A new one starts where a plan with the
    /// same layers so far is, at `block` at most. Unsupported when the calibration has no text.
    Result<std::shared_ptr<OrderedCalibration>> ordered(const VariantPlan& plan, int64_t block);
    /// This block of the plan stands: the text on its way through it may go on.
    Status tellOrdered(const VariantPlan& plan, int64_t block, const BlockOperators& operators,
                       const Job& job);
    /// Drops the texts on their way; what was quantized stays.
    void endOrdered() { m_ordered.clear(); }

    /// What the layer's codes depend on under the plan.
    Result<LayerKey> keyOf(const VariantPlan& plan, const LinearInfo& layer);
    /// How often a method has run.
    [[nodiscard]] uint64_t computations() const { return m_computations; }
    [[nodiscard]] uint64_t bytesKept() const { return m_known.bytes(); }

 private:
    struct KnownRanges {
        std::string text;  ///< fingerprint
        Scheme scheme;
        std::shared_ptr<const StaticQuantizers> quantizers;
    };
    Result<std::string> modelPrint();
    QuantizedLayerPtr remember(LayerKey key, LayerResult result, bool isReadBack);
    std::shared_ptr<const VariantPlan> shared(const VariantPlan& plan);

    const Model& m_model;
    const KernelTable& m_kernels;
    FloatGemm m_gemm;
    RecentlyUsed<LayerKey, QuantizedLayerPtr> m_known;
    std::shared_ptr<CalibrationSource> m_calibration;
    std::string m_calibrationPrint;
    std::shared_ptr<FinishedLayers> m_finished;
    std::string m_modelPrint;  ///< empty until it is needed
    std::vector<int32_t> m_rangesTokens;
    std::string m_rangesPrint;
    std::vector<KnownRanges> m_ranges;
    std::vector<std::shared_ptr<OrderedCalibration>> m_ordered;
    std::vector<std::shared_ptr<const VariantPlan>> m_plans;  ///< that keys point to, the last used last
    std::string m_lastLayer;
    Tensor m_lastFloats;
    uint64_t m_computations = 0;
};

/// Float, or round to nearest in one pass over the weight: quicker than to be remembered.
bool isElementwise(const Recipe& recipe);

}  // namespace quantscope
