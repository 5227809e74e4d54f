// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "quant/scheme/parameter.h"
#include "tensor/synthetic.h"

namespace quantscope {

/// A distribution as the source tree offers it.
struct SyntheticInfo {
    Distribution distribution = Distribution::Normal;
    std::string name;                       ///< as in text forms: "student-t"
    std::string label;                      ///< as on screen: "Student t"
    std::string help;                       ///< density, standard deviation and kurtosis
    std::vector<ParameterInfo> parameters;  ///< keys "rows", "cols", "seed", "scale", ...
};

/// All distributions, in the order they are offered.
const std::vector<SyntheticInfo>& syntheticSources();
const SyntheticInfo& infoOf(Distribution distribution);

/// Text form: "normal/rows=512/cols=1024/seed=1"; defaults are omitted by syntheticText.
/// parse(text(m)) == m for every matrix whose other distributions' parameters are at their defaults.
std::string syntheticText(const SyntheticMatrix& matrix);
/// InvalidArgument names the part and lists what is accepted.
Result<SyntheticMatrix> parseSynthetic(std::string_view text);
/// "Laplace 512 × 1024".
std::string syntheticTitle(const SyntheticMatrix& matrix);

std::string syntheticParameter(const SyntheticMatrix& matrix, std::string_view key);
Result<SyntheticMatrix> withSyntheticParameter(SyntheticMatrix matrix, std::string_view key,
                                               std::string_view value);

}  // namespace quantscope
