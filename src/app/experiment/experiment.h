// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "analysis/tensor/heatmap.h"
#include "base/result.h"
#include "methods/interface/variant.h"
#include "model/evaluation/evaluation.h"

namespace quantscope {

/// One tensor of a checkpoint file or folder.
struct TensorSource {
    std::string path;    ///< as openCheckpoint takes it
    std::string tensor;  ///< name inside
    bool operator==(const TensorSource&) const = default;
};

/// A generated tensor: text form of analysis/synthetic_sources ("normal/rows=512/cols=1024/seed=1").
struct SyntheticSource {
    std::string spec;
    bool operator==(const SyntheticSource&) const = default;
};

/// The captured input of a linear layer over a text: [tokens x in].
struct ActivationSource {
    std::string modelPath;
    std::string textPath;
    std::string layer;  ///< "blk.3.ffn_down"
    int tokens = 512;
    bool operator==(const ActivationSource&) const = default;
};

/// What the Tensor lab looks at.
using MatrixSource = std::variant<TensorSource, SyntheticSource, ActivationSource>;

/// What the Model lab looks at.
struct ModelSource {
    std::string modelPath;
    std::string textPath;
    std::string calibrationPath = {};  ///< text for methods that need calibration; empty = none
    int calibrationChunks = 16;        ///< windows of 512 tokens of it, 0 = all
    /// Statistics that were saved, or an importance matrix, instead of the text's run; with the text beside
    /// them, the two are checked against each other. Empty = none.
    std::string calibrationFile = {};
    std::string resumeFolder = {};  ///< keeps layers that methods have finished; empty = none
    bool operator==(const ModelSource&) const = default;
};

/// How the tensor part is measured.
struct TensorProtocol {
    int histogramBins = 256;
    int clipCurvePoints = 96;
    int heatmapVariant = 1;  ///< index of the variant the heat maps show
    MatrixRegion heatmapRegion;
    bool operator==(const TensorProtocol&) const = default;
};

/// How the model part is measured, beside the evaluation protocol.
struct ModelProtocol {
    EvaluationProtocol evaluation;
    int layerTokens = 512;  ///< tokens of the text used for layer errors and captured activations; 0 = none
    int layerVariant = 1;   ///< index of the variant the layer table shows
    std::string layer;      ///< layer whose activations are drawn; empty = the first ffn_down
    bool operator==(const ModelProtocol&) const = default;
};

/// What the Matmul lab multiplies: Y = X W^T, X [tokens x inputs], W [output channels x inputs].
struct MatmulSource {
    MatrixSource x;
    MatrixSource w;
    bool inputsByOutputs = false;  ///< W is stored as the lectures write it, [inputs x output channels]
    bool operator==(const MatmulSource&) const = default;
};

/// How the product part is measured, and where a person looks.
struct MatmulProtocol {
    int variant = 1;  ///< index of the product the lab steps through
    int64_t row = 0;  ///< the output cell: token and output channel
    int64_t channel = 0;
    int64_t step = 0;     ///< k
    bool relu = false;    ///< fused into the integer output stage
    int measurement = 0;  ///< > 0: times every kernel and the parts of the product; another number, again
    bool operator==(const MatmulProtocol&) const = default;
};

/// A weight recipe of the variant needs to know the layers' inputs: ModelSource::calibrationPath or
/// calibrationFile.
bool needsCalibration(const Variant& variant);

/// Float reference, vector-wise int8, per-tensor affine, LLM.int8() with threshold 6.
std::vector<Variant> defaultProducts();

/// What is compared, on what, and how it is measured. Plain data: the window edits one, the command line runs
/// one, a session file is one. The first variant is the reference.
struct Experiment {
    MatrixSource matrix;
    ModelSource model;
    std::vector<Variant> variants;
    TensorProtocol tensorProtocol;
    ModelProtocol modelProtocol;
    MatmulSource matmul;
    std::vector<Variant> products;  ///< the Matmul lab's variants
    MatmulProtocol matmulProtocol;
    bool operator==(const Experiment&) const = default;
};

constexpr int kMaxVariants = 6;

/// Float reference, int8 channel, int4 channel, int4 affine group 64: what a newcomer sees first.
std::vector<Variant> defaultVariants();

/// JSON with a version; text(parse(text(e))) == text(e). Errors name the field.
std::string experimentJson(const Experiment& experiment);
Result<Experiment> parseExperiment(std::string_view json);

/// The quantscope-cli command line that reproduces the tensor or the model part.
std::string tensorCommandLine(const Experiment& experiment);
std::string modelCommandLine(const Experiment& experiment);

}  // namespace quantscope
