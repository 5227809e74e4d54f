// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "app/experiment/experiment.h"
#include "kernels/kernel_table.h"
#include "model/calibration/calibration_input.h"
#include "numerics/instruction_sets.h"

namespace quantscope {

/// What the numbers were computed with: two kernel tables or instruction sets may differ in their last bits.
struct Arithmetic {
    std::string kernels;  ///< KernelTable::name
    InstructionSet instructionSet = InstructionSet::Baseline;
    bool operator==(const Arithmetic&) const = default;
    [[nodiscard]] size_t hash() const;
};
Arithmetic arithmeticOf(const KernelTable& kernels);

/// Hashes for keys; equal values have equal hashes. A struct with a hash() member has its own.
size_t hashOf(const Recipe& recipe);
size_t hashOf(const Variant& variant);
size_t hashOf(const MatrixSource& source);
size_t hashOf(const CalibrationInput& input);

template <class T>
concept HashesItself = requires(const T& value) {
    { value.hash() } -> std::convertible_to<size_t>;
};
template <class T>
concept HasStandardHash = requires(const T& value) {
    { std::hash<T>{}(value) } -> std::convertible_to<size_t>;
};

template <class T>
requires(HashesItself<T>) size_t hashOf(const T& value) {
    return value.hash();
}
template <class T>
requires(HasStandardHash<T> && !HashesItself<T>) size_t hashOf(const T& value) {
    return std::hash<T>{}(value);
}

inline size_t mixedHash(size_t seed, size_t next) {
    return seed ^ (next + 0x9E3779B97F4A7C15ULL + (seed << 6U) + (seed >> 2U));
}

template <class T>
size_t hashOf(const std::vector<T>& values) {
    size_t hash = values.size();
    for (const T& value : values) hash = mixedHash(hash, hashOf(value));
    return hash;
}

/// Of several values together, in this order.
template <class... Values>
size_t hashOfAll(const Values&... values) {
    size_t hash = sizeof...(values);
    ((hash = mixedHash(hash, hashOf(values))), ...);
    return hash;
}

/// The key of a cached result: any struct with equality and a hash that names everything the result depends
/// on. Keys of different structs are never equal.
class CacheKey {
 public:
    template <class Key>
    requires(std::equality_comparable<Key> && !std::same_as<Key, CacheKey>) explicit CacheKey(Key key)
        : m_hash(hashOf(key)), m_value(std::make_shared<Value<Key>>(std::move(key))) {}

    [[nodiscard]] size_t hash() const { return m_hash; }
    bool operator==(const CacheKey& other) const {
        return m_hash == other.m_hash && m_value->equals(*other.m_value);
    }

 private:
    struct AnyValue {
        AnyValue() = default;
        AnyValue(const AnyValue&) = delete;
        AnyValue& operator=(const AnyValue&) = delete;
        virtual ~AnyValue() = default;
        [[nodiscard]] virtual bool equals(const AnyValue& other) const = 0;
    };
    template <class Key>
    struct Value final : AnyValue {
        explicit Value(Key k) : key(std::move(k)) {}
        [[nodiscard]] bool equals(const AnyValue& other) const override {
            const auto* same = dynamic_cast<const Value*>(&other);
            return same != nullptr && key == same->key;
        }
        Key key;
    };

    size_t m_hash;
    std::shared_ptr<const AnyValue> m_value;
};

}  // namespace quantscope
