// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "app/results/lab_results.h"
#include "methods/interface/method.h"

namespace quantscope {

/// A column of the table "which method when".
struct ConsiderationColumn {
    std::string key;    ///< "calibration"
    std::string label;  ///< as on screen
    std::string help;
    bool isNumber = false;
};

struct ConsiderationCell {
    std::string text;  ///< empty: not known
    double order = 0;  ///< what the column is sorted by, ascending is better or less; NaN: nothing to sort
    std::string tip;
};

/// Which method when: a row for each method of the registry, from its own description, and beside it what it
/// came to here, for methods that an evaluation has a variant of (of several the one that lost least).
struct Considerations {
    std::vector<ConsiderationColumn> columns;
    std::vector<std::vector<ConsiderationCell>> rows;  ///< [method][column]
};

/// `variants` and `rows` belong together, as an experiment's variants and the rows of an evaluation's results
/// do; both may be empty.
Considerations considerMethods(const std::vector<Variant>& variants, const std::vector<VariantRow>& rows);

/// When to take a method, in one line, from its properties alone.
std::string whenToUse(const MethodInfo& info);

}  // namespace quantscope
