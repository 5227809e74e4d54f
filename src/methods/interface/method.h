// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "methods/interface/layer_result.h"
#include "methods/interface/layer_role.h"
#include "methods/interface/scheme_rules.h"
#include "methods/interface/stored_codes.h"
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
    bool usesScheme = true;  ///< false: a storage of its own, the recipe's scheme is only nominal
    std::vector<SchemeRule> schemeRules;       ///< what it asks of a scheme
    std::vector<std::string> ignoredOfScheme;  ///< keys of scheme parameters without influence on the result
    std::string bitsParameter;          ///< its own parameter that says the bits a weight, where there is one
    bool runsOnIntegerKernels = false;  ///< uniform codes that an integer product can take as they are
    std::string noCodes;                ///< why no weight has a code of its own; empty where each has one
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
    /// What this recipe asks of its scheme, where its parameters decide.
    [[nodiscard]] virtual std::vector<SchemeRule> schemeRules(const Recipe&) const {
        return info().schemeRules;
    }
    /// Whether the recipe's scheme has any influence on the result.
    [[nodiscard]] virtual bool usesScheme(const Recipe&) const { return info().usesScheme; }
    /// What this recipe needs, where its parameters decide.
    [[nodiscard]] virtual CalibrationNeed needs(const Recipe&) const { return info().needs; }
    /// The code of each weight in a result of quantize() for `weight`: for pictures, counts and ranges. Never
    /// needed to use the result.
    [[nodiscard]] virtual CodesAnswer elementCodes(const Tensor& weight, const Recipe& recipe,
                                                   const LayerResult& result) const;
    /// Bytes a [rows x cols] weight will take, known before anything is quantized: the scheme's by default.
    [[nodiscard]] virtual double storedBytes(const Recipe& recipe, int64_t rows, int64_t cols) const;
};

}  // namespace quantscope
