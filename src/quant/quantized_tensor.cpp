// SPDX-License-Identifier: Apache-2.0
#include "quant/quantized_tensor.h"

#include <cassert>

#include "quant/packing.h"
#include "quant/passes/reference.h"

namespace quantscope {
namespace {

int scaleBits(const Scheme& scheme) {
    return scheme.scaleFormat == ScaleFormat::F32 ? 32 : 16;
}

/// Bits a group stores beside its codes.
int bitsPerGroup(const Scheme& scheme) {
    if (scheme.mapping == Mapping::Symmetric) return scaleBits(scheme);
    const bool integer = scheme.zeroPointDomain == ZeroPointDomain::Integer;
    return scaleBits(scheme) + (integer ? scheme.bits : scaleBits(scheme));
}

/// Codes with the padding of each row; the zero points of all groups packed together.
uint64_t bytesOf(const Scheme& scheme, const GroupLayout& layout) {
    const int64_t codes = layout.rows * packedBytes(layout.cols, scheme.bits);
    return static_cast<uint64_t>(codes + packedBytes(layout.groupCount(), bitsPerGroup(scheme)));
}

double perWeight(uint64_t bytes, const GroupLayout& layout) {
    const int64_t count = layout.rows * layout.cols;
    return count == 0 ? 0 : 8.0 * static_cast<double>(bytes) / static_cast<double>(count);
}

}  // namespace

QuantizedTensor::QuantizedTensor(Scheme scheme, Shape shape, GroupLayout layout,
                                 std::vector<std::byte> packedCodes, std::vector<GroupParams> groups)
    : m_scheme(std::move(scheme)),
      m_shape(std::move(shape)),
      m_layout(layout),
      m_codes(std::move(packedCodes)),
      m_groups(std::move(groups)) {
    assert(static_cast<int64_t>(m_codes.size()) == m_layout.rows * bytesPerRow());
    assert(static_cast<int64_t>(m_groups.size()) == m_layout.groupCount());
}

int64_t QuantizedTensor::bytesPerRow() const {
    return packedBytes(m_layout.cols, m_scheme.bits);
}

int32_t QuantizedTensor::code(int64_t row, int64_t col) const {
    return unpackCode(m_codes.data() + row * bytesPerRow(), m_scheme.bits, codeMin(m_scheme), col);
}

std::vector<int32_t> QuantizedTensor::codes() const {
    std::vector<int32_t> all(static_cast<size_t>(m_layout.rows * m_layout.cols));
    for (int64_t r = 0; r < m_layout.rows; ++r) {
        const std::span<int32_t> row(all.data() + r * m_layout.cols, static_cast<size_t>(m_layout.cols));
        unpackCodes(m_codes.data() + r * bytesPerRow(), m_scheme.bits, codeMin(m_scheme), row);
    }
    return all;
}

QuantizeParams QuantizedTensor::paramsAt(int64_t row, int64_t col) const {
    return quantizeParams(m_scheme, m_groups[static_cast<size_t>(m_layout.groupOf(row, col))]);
}

double QuantizedTensor::bitsPerWeight() const {
    return perWeight(totalBytes(), m_layout);
}

uint64_t QuantizedTensor::totalBytes() const {
    return bytesOf(m_scheme, m_layout);
}

double bitsPerWeight(const Scheme& scheme, int64_t rows, int64_t cols) {
    if (scheme.isFloat()) return 32;
    const GroupLayout layout = GroupLayout::of(scheme, rows, cols);
    return perWeight(bytesOf(scheme, layout), layout);
}

}  // namespace quantscope
