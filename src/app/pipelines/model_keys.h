// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "app/pipelines/cache_key.h"
#include "model/evaluation/evaluation.h"

namespace quantscope {

// Keys of what the Model lab's pipeline keeps. Each names everything its result depends on.

/// The model and text that something was computed from, and with what.
struct TextKey {
    std::string model;
    std::string text;
    Arithmetic arithmetic;
    bool operator==(const TextKey&) const = default;
    [[nodiscard]] size_t hash() const { return hashOfAll(model, text, arithmetic); }
};

/// What an evaluation session belongs to.
struct SessionKey {
    std::string model;
    Arithmetic arithmetic;
    bool operator==(const SessionKey&) const = default;
    [[nodiscard]] size_t hash() const { return hashOfAll(model, arithmetic); }
};

/// Of one capture over the first tokens of the text.
struct OutliersKey {
    TextKey text;
    int tokens = 0;
    std::string layer;  ///< whose inputs are kept
    bool operator==(const OutliersKey&) const = default;
    [[nodiscard]] size_t hash() const { return hashOfAll(text, tokens, layer); }
};

/// Of what a method did inside one layer.
struct InsidesKey {
    TextKey text;
    CalibrationInput calibration;
    std::string layer;
    Variant variant;  ///< without its name: the layers before may decide the inputs
    // Of the evaluation: static activations have their ranges from its first window.
    WindowRule rule = WindowRule::LlamaCpp;
    int window = 0;
    bool operator==(const InsidesKey&) const = default;
    [[nodiscard]] size_t hash() const {
        return hashOfAll(text, calibration, layer, variant, static_cast<int>(rule), window);
    }
};

/// Of a variant's layer table.
struct LayersKey {
    TextKey text;
    CalibrationInput calibration;
    int tokens = 0;
    int window = 0;
    bool outliers = false;  ///< the columns of the activations are filled
    Variant variant;        ///< without its name
    bool operator==(const LayersKey&) const = default;
    [[nodiscard]] size_t hash() const {
        return hashOfAll(text, calibration, tokens, window, outliers, variant);
    }
};

/// A name changes no result.
inline Variant nameless(Variant variant) {
    variant.name.clear();
    return variant;
}

}  // namespace quantscope
