// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "methods/interface/layer_result.h"
#include "methods/interface/layer_role.h"
#include "methods/interface/variant.h"
#include "methods/parts/calibration_statistics.h"
#include "quant/scheme/parameter.h"
#include "tensor/tensor.h"

namespace quantscope {

/// What a method must know of a layer's inputs.
enum class CalibrationNeed {
    None,
    MeanSquares,  ///< mean x_j^2 alone: an importance matrix will do
    Moments,      ///< absmax, means, second moments and the sample of rows
    Hessian       ///< X^T X as well
};

/// Whose outputs the inputs of a layer are when its statistics are gathered.
enum class InputOrder {
    Float,          ///< the float model's
    Quantized,      ///< the earlier blocks are quantized already, this block is not yet
    TrueSequential  ///< all earlier layers are: q, k, v; o; gate, up; down
};

/// How a method comes by its result.
enum class MethodKind {
    Rule,       ///< a closed formula
    Heuristic,  ///< a search over few candidates
    Optimized,  ///< solves for the layer's output error
    Learned,    ///< gradient steps or k-means
    Sparsifier  ///< removes weights
};

/// What a method is, well enough to draw its controls and the "which method when" table.
struct MethodInfo {
    std::string name;    ///< as in text forms: "rtn"
    std::string label;   ///< as on screen: "Round to nearest"
    std::string source;  ///< paper or slide
    std::string help;    ///< what it computes, with the formula
    CalibrationNeed needs = CalibrationNeed::None;
    MethodKind kind = MethodKind::Rule;
    bool usesScheme = true;             ///< false: a storage of its own, the recipe's scheme is only nominal
    bool runsOnIntegerKernels = false;  ///< uniform codes that an integer product can take as they are
    bool sharesTransform = false;       ///< wants `siblings`: one transform for all readers of an input
    double minimumBits = 2;             ///< bits a weight it is meant for
    double maximumBits = 8;
    Scheme scheme;  ///< what text forms are relative to, and where controls start
    /// Activations that belong to the method (SmoothQuant, LLM.int8()); a variant's own "@act=" wins.
    std::optional<ActivationRecipe> activations;
    std::vector<ParameterInfo> parameters;  ///< beside the scheme's

    [[nodiscard]] bool needsCalibration() const { return needs != CalibrationNeed::None; }
    [[nodiscard]] bool quantizesActivations() const { return activations.has_value(); }
    [[nodiscard]] bool learned() const { return kind == MethodKind::Learned; }
};

/// What a method receives for one linear layer.
struct LayerInput {
    std::string name;  ///< "blk.3.ffn_down"
    Tensor weight;     ///< F32 [out x in]
    /// Of this layer's inputs; null where nothing was calibrated.
    std::shared_ptr<const CalibrationStatistics> calibration = {};
    /// Weights of all layers that read the same input, this one included; empty = this one alone.
    std::vector<Tensor> siblings = {};
    ProductFunction product = {};
    LayerRole role = LayerRole::Other;
};

/// A quantization method: stateless, one file pair, one line in the registry.
class Method {
 public:
    virtual ~Method() = default;
    [[nodiscard]] virtual const MethodInfo& info() const = 0;
    [[nodiscard]] virtual Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                                       const Job& job) const = 0;
    /// What this recipe needs, where its parameters decide.
    [[nodiscard]] virtual CalibrationNeed needs(const Recipe&) const { return info().needs; }
    /// Bytes a [rows x cols] weight will take, known before anything is quantized: the scheme's by default.
    [[nodiscard]] virtual double storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const;
};

/// All methods, in the order they are offered.
std::span<const Method* const> allMethods();
/// By MethodInfo::name; InvalidArgument lists the names there are.
Result<const Method*> methodNamed(std::string_view name);

/// Bits per weight of a recipe on a [rows x cols] matrix, all overhead included; 32 for float.
double recipeBitsPerWeight(const Recipe& recipe, int64_t rows, int64_t cols);
/// The calibration a recipe needs: None for float recipes and unknown methods.
CalibrationNeed calibrationNeed(const Recipe& recipe);

/// The option every method with calibration has: "inputs=float|quantized|true-sequential".
ParameterInfo inputsParameter();
/// What the recipe says of it; Float where nothing is calibrated.
InputOrder inputOrder(const Recipe& recipe);

/// Runs the recipe's method after checking its parameters, its scheme, the calibration it needs (present, of
/// the right width, with at least one token) and that the weight is finite. Errors name the layer.
Result<LayerResult> quantizeLayer(const LayerInput& input, const Recipe& recipe, const Job& job);

}  // namespace quantscope
