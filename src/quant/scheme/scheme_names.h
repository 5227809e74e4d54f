// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "quant/scheme/scheme.h"

namespace quantscope {

/// One value of an enumerated choice of the scheme: its name in text forms, on screen, and its meaning.
template <class E>
struct ChoiceName {
    E value;
    std::string_view name;
    std::string_view label;
    std::string_view help;
};

std::span<const ChoiceName<Mapping>> mappingNames();
std::span<const ChoiceName<SymmetricRange>> symmetricRangeNames();
std::span<const ChoiceName<ZeroPointDomain>> zeroPointDomainNames();
std::span<const ChoiceName<Rounding>> roundingNames();
std::span<const ChoiceName<Granularity>> granularityNames();
std::span<const ChoiceName<ScaleFormat>> scaleFormatNames();

template <class E>
const ChoiceName<E>& choiceOf(std::span<const ChoiceName<E>> names, E value) {
    for (const ChoiceName<E>& name : names)
        if (name.value == value) return name;
    return names.front();
}

template <class E>
std::optional<E> valueNamed(std::span<const ChoiceName<E>> names, std::string_view text) {
    for (const ChoiceName<E>& name : names)
        if (name.name == text) return name.value;
    return std::nullopt;
}

}  // namespace quantscope
