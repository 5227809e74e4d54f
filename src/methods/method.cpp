// SPDX-License-Identifier: Apache-2.0
#include "methods/method.h"

#include <fmt/format.h>

#include <array>

#include "methods/rtn.h"

namespace quantscope {

std::span<const Method* const> allMethods() {
    static const RoundToNearest roundToNearest;
    static const std::array<const Method*, 1> methods{&roundToNearest};
    return methods;
}

Result<const Method*> methodNamed(std::string_view name) {
    std::string names;
    for (const Method* method : allMethods()) {
        if (method->info().name == name) return method;
        names += (names.empty() ? "" : ", ") + method->info().name;
    }
    return fail(ErrorKind::InvalidArgument, fmt::format("there is no method '{}'", name), "method",
                "accepted: " + names);
}

}  // namespace quantscope
