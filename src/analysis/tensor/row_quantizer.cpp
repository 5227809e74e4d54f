// SPDX-License-Identifier: Apache-2.0
#include "analysis/tensor/row_quantizer.h"

#include <algorithm>
#include <cassert>

#include "quant/passes/reference.h"

namespace quantscope {

RowQuantizer::RowQuantizer(const MatrixView& matrix, const MatrixQuantization& quantization,
                           const KernelTable& kernels)
    : m_matrix(matrix), m_quantization(quantization), m_kernels(kernels.elementwise) {
    if (quantization.stored) return;
    assert(!quantization.isFloat() && !quantization.groups.empty());
    m_params = quantizeParams(quantization.scheme, quantization.groups.front());
    m_stored.reserve(quantization.groups.size());
    for (const GroupParams& group : quantization.groups) {
        m_stored.push_back(storedParams(group, quantization.scheme));
        m_encodeDiffers = m_encodeDiffers || !(m_stored.back() == group);
    }
    m_params.encodeDiffers = m_encodeDiffers;
}

void RowQuantizer::run(int64_t row, int64_t col, int64_t count, int32_t* codes, float* values) const {
    if (const StoredWeight* stored = m_quantization.stored.get()) {
        const float* const from = stored->values.matrix().row(row) + col;
        std::copy(from, from + count, values);
        for (int64_t j = 0; j < count; ++j) codes[j] = stored->codes ? stored->codes->code(row, col + j) : 0;
        return;
    }
    const GroupLayout& layout = m_quantization.layout;
    if (m_quantization.codes != nullptr) {
        for (int64_t j = 0; j < count; ++j) {
            const auto group = static_cast<size_t>(layout.groupOf(row, col + j));
            codes[j] = m_quantization.codes->code(row, col + j);
            values[j] = dequantizeValue(codes[j], m_stored[group], m_params.domain);
        }
        return;
    }
    // The rest of a group that has begun, then whole groups.
    const int64_t begun = col % layout.blockCols;
    const int64_t head = begun == 0 ? 0 : std::min(count, layout.blockCols - begun);
    if (head > 0) runGroups(row, col, head, head, codes, values);
    if (count > head) runGroups(row, col + head, count - head, layout.blockCols, codes + head, values + head);
}

void RowQuantizer::runGroups(int64_t row, int64_t col, int64_t count, int64_t groupSize, int32_t* codes,
                             float* values) const {
    const auto group = static_cast<size_t>(m_quantization.layout.groupOf(row, col));
    GroupRun run;
    run.groups = &m_stored[group];
    run.encode = m_encodeDiffers ? &m_quantization.groups[group] : nullptr;
    run.groupSize = groupSize;
    QuantizeParams params = m_params;
    params.firstElement = static_cast<uint64_t>(row * m_matrix.cols + col);
    const float* const src = m_matrix.row(row) + col;
    m_kernels.encodeGroups(src, codes, count, run, params);
    m_kernels.fakeQuantizeGroups(src, values, count, run, params);
}

}  // namespace quantscope
