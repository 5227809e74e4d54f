// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "app/experiment/lab_values.h"
#include "methods/interface/variant.h"
#include "model/evaluation/run_places.h"

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

/// A matrix that can be looked at or multiplied.
using MatrixSource = std::variant<TensorSource, SyntheticSource, ActivationSource>;

/// Whether a matrix has been chosen: generated ones always, others once they name a file.
bool isChosen(const MatrixSource& source);
/// The checkpoint that the matrix needs; empty for a generated one.
std::string checkpointOf(const MatrixSource& source);

/// The language model of the experiment, and the texts it is run over.
struct ModelSource {
    std::string modelPath;
    std::string textPath;
    std::string calibrationPath = {};  ///< text for methods that need calibration; empty = none
    int calibrationChunks = 16;        ///< windows of 512 tokens of it, 0 = all
    /// Statistics that were saved, or an importance matrix, instead of the text's run; with the text beside
    /// them, the two are checked against each other. Empty = none.
    std::string calibrationFile = {};
    bool operator==(const ModelSource&) const = default;
};

/// What is compared, on what, and how it is measured. Plain data: the window edits one, the command line runs
/// one, a session file is one. The first variant is the reference. What only one lab knows is that lab's
/// part; a part that is absent is not run. Where a person looks is no part of it: that is a value apart.
struct Experiment {
    ModelSource model;
    std::vector<Variant> variants;
    LabValues parts;
    bool operator==(const Experiment&) const = default;

    /// A lab's part; its defaults where it is absent.
    template <class Part>
    [[nodiscard]] const Part& part() const {
        return parts.get<Part>();
    }
    /// A lab's part to change; put in where it was absent.
    template <class Part>
    Part& edit() {
        return parts.edit<Part>();
    }
};

/// The captured inputs that the experiment's model and text offer as matrices; the layer is left open.
ActivationSource capturedInputs(const Experiment& experiment);

constexpr int kMaxVariants = 6;

/// A weight recipe of the variant needs to know the layers' inputs: ModelSource::calibrationPath or
/// calibrationFile.
bool needsCalibration(const Variant& variant);

/// Float reference, int8 channel, int4 channel, int4 affine group 64: what a newcomer sees first.
std::vector<Variant> defaultVariants();

/// The quantscope-cli command line that reproduces the tensor part, the evaluation, or the layer errors of
/// one variant: all that the experiment says of it.
std::string tensorCommandLine(const Experiment& experiment);
std::string modelCommandLine(const Experiment& experiment, const RunPlaces& places = {});
std::string layersCommandLine(const Experiment& experiment, int variant);

}  // namespace quantscope
