// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/job.h"
#include "base/result.h"
#include "methods/variant.h"
#include "quant/parameter.h"
#include "quant/quantized_tensor.h"
#include "tensor/tensor.h"

namespace quantscope {

/// What a method is, well enough to draw its controls and the "which method when" table.
struct MethodInfo {
    std::string name;    ///< as in text forms: "rtn"
    std::string label;   ///< as on screen: "Round to nearest"
    std::string source;  ///< paper or slide
    std::string help;    ///< what it computes, with the formula
    bool needsCalibration = false;
    bool quantizesActivations = false;
    bool learned = false;
    std::vector<ParameterInfo> parameters;  ///< beside the scheme's
};

/// What a method receives for one linear layer.
struct LayerInput {
    std::string name;  ///< "blk.3.ffn_down"
    Tensor weight;     ///< F32 [out x in]
};

/// What a method returns for one linear layer.
struct LayerResult {
    QuantizedTensor weight;
};

/// A quantization method: stateless, one file pair, one line in the registry.
class Method {
 public:
    virtual ~Method() = default;
    [[nodiscard]] virtual const MethodInfo& info() const = 0;
    [[nodiscard]] virtual Result<LayerResult> quantize(const LayerInput& input, const Recipe& recipe,
                                                       const Job& job) const = 0;
};

/// All methods, in the order they are offered.
std::span<const Method* const> allMethods();
/// By MethodInfo::name; InvalidArgument lists the names there are.
Result<const Method*> methodNamed(std::string_view name);

}  // namespace quantscope
