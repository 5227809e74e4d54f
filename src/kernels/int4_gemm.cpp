// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/out_of_memory.h"
#include "base/parallel_for.h"
#include "kernels/int4_unpacked.h"
#include "kernels/integer_gemm.h"
#include "kernels/packed_integer.h"

namespace quantscope {
namespace {

/// The sum over a group of a 4-bit code less its zero point times an s8 code stays in int32.
constexpr int64_t kMaxGroup = ((int64_t{1} << 31) - 1) / (int64_t{15} * 128);

/// Codes of 32 output channels; scales and zeros in columns.
void packPanel(const Int4Source& source, int64_t groupSize, int64_t first, uint8_t* panel, float* scales,
               uint8_t* zeros) {
    const int64_t columns = std::min(kPanelColumns, source.outputs - first);
    const int64_t groups = (source.inputs + groupSize - 1) / groupSize;
    for (int64_t c = 0; c < columns; ++c) {
        const uint8_t* codes = source.codes + (first + c) * source.inputs;
        for (int64_t k = 0; k < source.inputs; ++k) {
            uint8_t& both = panel[(k / 4 * 16 + c % 16) * 4 + k % 4];
            both = static_cast<uint8_t>(both | (c < 16 ? codes[k] : codes[k] << 4));
        }
        for (int64_t g = 0; g < groups; ++g) {
            scales[g * kPanelColumns + c] = source.scales[(first + c) * groups + g];
            if (zeros != nullptr) zeros[g * kPanelColumns + c] = source.zeros[(first + c) * groups + g];
        }
    }
}

Status checkShapes(int64_t rows, int64_t cols, int64_t stride, const PackedInt4Weights& weights,
                   int64_t yStride) {
    if (cols != weights.inputs()) {
        return fail(
            ErrorKind::InvalidArgument,
            fmt::format("the activations have {} columns, the weight has {} inputs", cols, weights.inputs()),
            "inputs", "Choose matrices whose inner sizes agree.");
    }
    if (rows < 1 || stride < cols || (yStride != 0 && yStride < weights.outputs())) {
        return fail(ErrorKind::InvalidArgument, "a product needs rows, and strides that hold them", "rows");
    }
    return {};
}

/// Rows padded with zeros to whole lines, and the sum over each scale group where it is wanted.
template <class Element, class Sum>
struct PaddedRows {
    AlignedBytes memory;
    Element* values = nullptr;  ///< null: there was no memory
    std::vector<Sum> sums;
    int64_t stride = 0;
    int64_t groups = 0;

    PaddedRows(const Element* x, int64_t rows, int64_t cols, int64_t xStride, int64_t groupSize,
               bool wantSums)
        : memory(allocateAligned(rows * roundUp(cols, 64) * static_cast<int64_t>(sizeof(Element)))),
          values(reinterpret_cast<Element*>(memory.get())),
          stride(roundUp(cols, 64)),
          groups((cols + groupSize - 1) / groupSize) {
        if (values == nullptr) return;
        if (wantSums) sums.resize(static_cast<size_t>(rows * groups));
        constexpr int64_t kAtOnce = 32768;
        parallelFor(rows, std::max<int64_t>(1, kAtOnce / cols), [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) {
                const Element* src = x + i * xStride;
                std::copy_n(src, cols, values + i * stride);
                std::fill_n(values + i * stride + cols, stride - cols, Element{});
                for (int64_t g = 0; wantSums && g < groups; ++g) {
                    Sum sum = 0;
                    for (int64_t k = g * groupSize; k < std::min(cols, (g + 1) * groupSize); ++k) {
                        sum = static_cast<Sum>(sum + src[k]);
                    }
                    sums[static_cast<size_t>(i * groups + g)] = sum;
                }
            }
        });
    }
};

/// `call` for every panel.
void forEachPanel(const PackedInt4Weights& weights, Int4PanelCall whole,
                  void (*kernel)(const Int4PanelCall& call)) {
    const int64_t panels = (weights.outputs() + kPanelColumns - 1) / kPanelColumns;
    const int64_t kGroups = (weights.inputs() + 3) / 4;
    whole.kGroups = kGroups;
    whole.kGroupsPerScale = weights.groupSize() / 4;
    const PackedInt4Weights::Data& data = weights.data();
    const auto runPanels = [&](int64_t begin, int64_t end) {
        for (int64_t p = begin; p < end; ++p) {
            Int4PanelCall call = whole;
            const int64_t parameters = p * weights.groups() * kPanelColumns;
            call.panel = reinterpret_cast<const uint8_t*>(data.panels.get()) + p * kGroups * 64;
            call.scales = reinterpret_cast<const float*>(data.scales.get()) + parameters;
            if (data.zeros) call.zeros = reinterpret_cast<const uint8_t*>(data.zeros.get()) + parameters;
            call.columns = std::min(kPanelColumns, weights.outputs() - p * kPanelColumns);
            call.y = whole.y + p * kPanelColumns;
            if (whole.bias != nullptr) call.bias = whole.bias + p * kPanelColumns;
            kernel(call);
        }
    };
    constexpr int64_t kSmall = 1 << 19;
    const int64_t work = panels * kPanelColumns * weights.inputs() * std::max<int64_t>(2, whole.rows);
    const int64_t tasks = work < kSmall ? 1 : work < 64 * kSmall ? threadCount() : 4 * threadCount();
    parallelFor(panels, std::max<int64_t>(1, (panels + tasks - 1) / tasks), runPanels);
}

}  // namespace

Status checkInt4Source(const Int4Source& source, int64_t groupSize) {
    if (source.outputs < 1 || source.inputs < 1) {
        return fail(ErrorKind::InvalidArgument, "a weight needs at least one output and one input", "shape");
    }
    if (source.groupSize < 0 || source.groupSize % 4 != 0) {
        return fail(ErrorKind::InvalidArgument,
                    fmt::format("groups of {} inputs: the product needs a multiple of 4", source.groupSize),
                    "group", "Choose a group size of 32, 64 or 128.");
    }
    const int64_t groups = (source.inputs + groupSize - 1) / groupSize;
    for (int64_t g = 0; g < source.outputs * groups; ++g) {
        if (!std::isfinite(source.scales[g])) {
            return fail(ErrorKind::InvalidArgument, fmt::format("the scale of group {} is not finite", g),
                        "scale");
        }
        if (source.zeros != nullptr && source.zeros[g] > 15) {
            return fail(ErrorKind::InvalidArgument, fmt::format("the zero point of group {} exceeds 15", g),
                        "zero point");
        }
    }
    for (int64_t i = 0; i < source.outputs * source.inputs; ++i) {
        if (source.codes[i] > 15) {
            return fail(ErrorKind::InvalidArgument, fmt::format("code {} exceeds 15", i), "codes");
        }
    }
    return {};
}

Result<PackedInt4Weights> PackedInt4Weights::pack(const Int4Source& source) {
    const int64_t groupSize = source.groupSize == 0 ? roundUp(source.inputs, 4) : source.groupSize;
    if (auto status = checkInt4Source(source, groupSize); !status) return fail(status.error());
    PackedInt4Weights packed;
    packed.m_outputs = source.outputs;
    packed.m_inputs = source.inputs;
    packed.m_groupSize = groupSize;
    const int64_t panels = roundUp(source.outputs, kPanelColumns) / kPanelColumns;
    const int64_t panelBytes = roundUp(source.inputs, 4) / 4 * 64;
    const int64_t parameters = packed.groups() * kPanelColumns;
    auto data = std::make_shared<Data>();
    data->panels = allocateZeroed(panels * panelBytes + kPanelSlack);
    data->scales = allocateZeroed(panels * parameters * 4);
    if (source.zeros != nullptr) data->zeros = allocateZeroed(panels * parameters);
    if (!data->panels || !data->scales || (source.zeros != nullptr && !data->zeros)) {
        return fail(notEnoughMemory("the packed weight",
                                    static_cast<uint64_t>(panels * (panelBytes + parameters * 5))));
    }
    parallelFor(panels, 8, [&](int64_t begin, int64_t end) {
        for (int64_t p = begin; p < end; ++p) {
            packPanel(source, groupSize, p * kPanelColumns,
                      reinterpret_cast<uint8_t*>(data->panels.get()) + p * panelBytes,
                      reinterpret_cast<float*>(data->scales.get()) + p * parameters,
                      data->zeros ? reinterpret_cast<uint8_t*>(data->zeros.get()) + p * parameters : nullptr);
        }
    });
    packed.m_bytes = static_cast<uint64_t>(panels * (panelBytes + parameters * (data->zeros ? 5 : 4)));
    packed.m_data = std::move(data);
    return packed;
}

UnpackedInt4 unpackInt4(const PackedInt4Weights& packed) {
    UnpackedInt4 parts{{}, {}, {}, packed.outputs(), packed.inputs(), packed.groupSize()};
    const PackedInt4Weights::Data& data = packed.data();
    const auto count = static_cast<size_t>(parts.outputs * packed.groups());
    parts.codes.resize(static_cast<size_t>(parts.outputs * parts.inputs));
    parts.scales.resize(count);
    if (data.zeros) parts.zeros.resize(count);
    const int64_t panelBytes = roundUp(parts.inputs, 4) / 4 * 64;
    for (int64_t j = 0; j < parts.outputs; ++j) {
        const int64_t p = j / kPanelColumns;
        const int64_t c = j % kPanelColumns;
        const auto* panel = reinterpret_cast<const uint8_t*>(data.panels.get()) + p * panelBytes;
        for (int64_t k = 0; k < parts.inputs; ++k) {
            const uint8_t both = panel[(k / 4 * 16 + c % 16) * 4 + k % 4];
            parts.codes[static_cast<size_t>(j * parts.inputs + k)] = c < 16 ? both & 15 : both >> 4;
        }
        for (int64_t g = 0; g < packed.groups(); ++g) {
            const int64_t from = (p * packed.groups() + g) * kPanelColumns + c;
            const auto to = static_cast<size_t>(j * packed.groups() + g);
            parts.scales[to] = reinterpret_cast<const float*>(data.scales.get())[from];
            if (data.zeros) parts.zeros[to] = reinterpret_cast<const uint8_t*>(data.zeros.get())[from];
        }
    }
    return parts;
}

Status multiplyInt4(const KernelTable& kernels, const MatrixView& x, const PackedInt4Weights& weights,
                    float* y, int64_t yStride, const float* bias) {
    if (auto status = checkShapes(x.rows, x.cols, x.stride, weights, yStride); !status) return status;
    if (kernels.device) {
        return kernels.device->multiplyInt4(x, weights, y, yStride == 0 ? weights.outputs() : yStride, bias);
    }
    if (x.rows >= kRowsWorthUnpacking)
        return multiplyInt4Unpacked(kernels, x, weights, y, yStride == 0 ? weights.outputs() : yStride, bias);
    const bool zeros = weights.data().zeros != nullptr;
    const PaddedRows<float, float> rows(x.data, x.rows, x.cols, x.stride, weights.groupSize(), zeros);
    if (rows.values == nullptr) return fail(ErrorKind::OutOfMemory, "no memory for the activations");
    Int4PanelCall call;
    call.rows = x.rows;
    call.x = rows.values;
    call.xStride = rows.stride;
    call.xGroupSums = rows.sums.data();
    call.sumStride = rows.groups;
    call.bias = bias;
    call.y = y;
    call.stride = yStride == 0 ? weights.outputs() : yStride;
    forEachPanel(weights, call, kernels.integer.w4a16Panel);
    return {};
}

Status multiplyInt4(const KernelTable& kernels, const CodeView& x, const float* rowScales,
                    const PackedInt4Weights& weights, float* y, int64_t yStride, const float* bias) {
    if (auto status = checkShapes(x.rows, x.cols, x.stride, weights, yStride); !status) return status;
    if (!x.isSigned || weights.groupSize() > kMaxGroup) {
        return fail(
            ErrorKind::InvalidArgument,
            fmt::format("4-bit weights take s8 activations and groups of at most {} inputs", kMaxGroup),
            "type", "Quantize the activations symmetrically.");
    }
    const PaddedRows<int8_t, int32_t> rows(static_cast<const int8_t*>(x.data), x.rows, x.cols, x.stride,
                                           weights.groupSize(), true);
    if (rows.values == nullptr) return fail(ErrorKind::OutOfMemory, "no memory for the activations");
    Int4PanelCall call;
    call.rows = x.rows;
    call.codes = rows.values;
    call.xStride = rows.stride;
    call.codeGroupSums = rows.sums.data();
    call.sumStride = rows.groups;
    call.rowScales = rowScales;
    call.bias = bias;
    call.y = y;
    call.stride = yStride == 0 ? weights.outputs() : yStride;
    forEachPanel(weights, call, kernels.integer.w4a8Panel);
    return {};
}

}  // namespace quantscope
