// SPDX-License-Identifier: Apache-2.0
#include "app/pipelines/cache_key.h"

#include "methods/interface/variant_text.h"

namespace quantscope {
namespace {

struct SourceHash {
    size_t operator()(const TensorSource& s) const { return hashOfAll(1, s.path, s.tensor); }
    size_t operator()(const SyntheticSource& s) const { return hashOfAll(2, s.spec); }
    size_t operator()(const ActivationSource& s) const {
        return hashOfAll(3, s.modelPath, s.textPath, s.layer, s.tokens);
    }
};

}  // namespace

size_t Arithmetic::hash() const {
    return hashOfAll(kernels, static_cast<int>(instructionSet));
}

Arithmetic arithmeticOf(const KernelTable& kernels) {
    return {std::string(kernels.name), bestInstructionSet()};
}

// Equal recipes have equal texts; what a text leaves out only makes different ones meet.
size_t hashOf(const Recipe& recipe) {
    return std::hash<std::string>{}(recipeText(recipe));
}

size_t hashOf(const Variant& variant) {
    return std::hash<std::string>{}(variantText(variant));
}

size_t hashOf(const MatrixSource& source) {
    return std::visit(SourceHash{}, source);
}

size_t hashOf(const CalibrationInput& input) {
    return hashOfAll(input.text.fingerprint(), input.chunks, input.window, input.file, input.fileWritten);
}

}  // namespace quantscope
