// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "methods/interface/variant.h"

/// The text form of variants, and of the schemes inside: what parses is written in a form that parses to the
/// same again, and has a title.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    if (const auto scheme = quantscope::parseScheme(input)) {
        const auto again = quantscope::parseScheme(quantscope::schemeText(*scheme));
        if (!again || !(*again == *scheme) || quantscope::schemeTitle(*scheme).empty()) std::abort();
        for (const auto& parameter : quantscope::schemeParameters(*scheme)) {
            const std::string value = quantscope::schemeParameter(*scheme, parameter.key);
            if (!quantscope::withSchemeParameter(*scheme, parameter.key, value)) std::abort();
        }
    }
    const auto variants = quantscope::parseVariants(input);
    if (!variants) {
        if (variants.error().message.empty()) std::abort();
        return 0;
    }
    for (const quantscope::Variant& variant : *variants) {
        const auto again = quantscope::parseVariant(quantscope::variantText(variant));
        if (!again || !(*again == variant)) std::abort();
        if (quantscope::variantTitle(variant).empty() && variant.name.empty()) std::abort();
    }
    return 0;
}
