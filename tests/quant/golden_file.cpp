// SPDX-License-Identifier: Apache-2.0
#include "golden_file.h"
#include "support/paths.h"

#include <fmt/format.h>

#include <bit>
#include <fstream>

namespace quantscope::test {

nlohmann::json loadGolden(const std::string& name) {
    std::ifstream stream(test::sourcePath("tests/golden/quant/" + name));
    return nlohmann::json::parse(stream, nullptr, false);
}

std::vector<float> floatsFromBits(const nlohmann::json& bits) {
    std::vector<float> values;
    for (const auto& value : bits) values.push_back(std::bit_cast<float>(value.get<int32_t>()));
    return values;
}

Tensor goldenInput(const nlohmann::json& file, const std::string& name) {
    const auto& input = file["inputs"][name];
    return Tensor::fromFloats({input["rows"].get<int64_t>(), input["cols"].get<int64_t>()},
                              floatsFromBits(input["bits"]));
}

std::string differenceOf(std::span<const float> got, const std::vector<float>& expected) {
    if (got.size() != expected.size())
        return fmt::format("{} values instead of {}", got.size(), expected.size());
    for (size_t i = 0; i < got.size(); ++i) {
        if (std::bit_cast<int32_t>(got[i]) != std::bit_cast<int32_t>(expected[i]) &&
            !(got[i] == 0 && expected[i] == 0))
            return fmt::format("value {}: {} instead of {}", i, got[i], expected[i]);
    }
    return {};
}

}  // namespace quantscope::test
