// SPDX-License-Identifier: Apache-2.0
// The parts of experiments' JSON that labs share: reading with errors that name the field, matrices,
// variants.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "app/experiment/experiment.h"
#include "app/experiment/ordered_json.h"
#include "base/result.h"

namespace quantscope {

/// Reads members of an object and remembers the first thing that was wrong, with its path. A member that is
/// absent leaves the value as it is.
class JsonReader {
 public:
    JsonReader(const nlohmann::json& json, std::string path, std::optional<Error>& error);

    void text(const char* key, std::string& value) const;
    void flag(const char* key, bool& value) const;
    template <class T>
    void integer(const char* key, T& value, int64_t minimum, int64_t maximum) const {
        if (const auto found = integerOf(key, minimum, maximum)) value = static_cast<T>(*found);
    }
    /// One of `names`, each standing for the enumerator of its position.
    template <class T, size_t N>
    void choice(const char* key, T& value, const char* const (&names)[N]) const {
        const std::vector<std::string> all(names, names + N);
        if (const auto found = choiceOf(key, all)) value = static_cast<T>(*found);
    }
    /// Variants in their text form; absent, empty or more than a thousand is an error.
    void variants(const char* key, std::vector<Variant>& value) const;
    void matrix(const char* key, MatrixSource& value) const;

    [[nodiscard]] const nlohmann::json* member(const char* key) const;
    [[nodiscard]] bool has(const char* key) const { return member(key) != nullptr; }
    /// The object of this name; an empty one when it is absent.
    [[nodiscard]] JsonReader child(const char* key) const;

    void complain(const std::string& key, const std::string& expected) const;
    void complain(const std::string& key, const Error& inner) const;

 private:
    [[nodiscard]] std::optional<int64_t> integerOf(const char* key, int64_t minimum, int64_t maximum) const;
    [[nodiscard]] std::optional<size_t> choiceOf(const char* key,
                                                 const std::vector<std::string>& names) const;

    const nlohmann::json& m_json;
    std::string m_path;
    std::optional<Error>& m_error;
};

OrderedJson matrixJson(const MatrixSource& source);
OrderedJson variantsJson(const std::vector<Variant>& variants);

}  // namespace quantscope
