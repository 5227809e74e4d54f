// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QObject>
#include <cstdint>
#include <string>
#include <vector>

#include "export/packed_layer.h"

namespace quantscope::test {

// The classes of tests.
QObject* layoutsGoldenTest();
QObject* doctorTest();

// The numbers of tests/golden/export/make_export_goldens.py.
uint32_t counterValue(uint32_t index, uint32_t seed);
std::vector<uint8_t> goldenCodes(int64_t rows, int64_t cols, int bits, uint32_t seed);
std::vector<float> goldenFloats(int64_t count, uint32_t seed);
/// Its weight_of(): 32 outputs, 64 inputs, groups of 32.
UniformWeight goldenWeight(int bits, uint32_t seed);

/// A layer with the recipe of a variant's text; `weight` or `uniform` as the layout needs.
ExportLayer layerOf(const std::string& variant);

/// Bytes of the part "MODULE.suffix"; empty if there is none.
std::vector<uint8_t> bytesOf(const PackedLayer& packed, const std::string& suffix);
const TensorEntry* entryOf(const PackedLayer& packed, const std::string& suffix);

}  // namespace quantscope::test
