// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace quantscope::test {

/// A JSON file of tests/golden/quant; null if it cannot be read.
nlohmann::json loadGolden(const std::string& name);

/// Floats written as the integers of their bits.
std::vector<float> floatsFromBits(const nlohmann::json& bits);

/// The matrix of this name in the file's "inputs".
Tensor goldenInput(const nlohmann::json& file, const std::string& name);

/// Empty if both are equal bit for bit, else where and how they differ.
std::string differenceOf(std::span<const float> got, const std::vector<float>& expected);

}  // namespace quantscope::test
