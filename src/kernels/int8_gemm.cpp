// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <utility>

#include "base/out_of_memory.h"
#include "base/parallel_for.h"
#include "kernels/integer_gemm.h"
#include "kernels/packed_integer.h"
#include "kernels/product_plan.h"

namespace quantscope {
namespace {

void packPanel(const int8_t* codes, int64_t columns, int64_t inputs, int64_t stride, int64_t width,
               int8_t* panel) {
    for (int64_t c = 0; c < columns; ++c) {
        const int8_t* src = codes + c * stride;
        int8_t* dst = panel + 4 * c;
        int64_t k = 0;
        for (; k + 4 <= inputs; k += 4) std::memcpy(dst + k * width, src + k, 4);
        if (k < inputs) std::memcpy(dst + k * width, src + k, static_cast<size_t>(inputs - k));
    }
}

/// Memory of a call: on the stack when it is little.
class Scratch {
 public:
    std::byte* take(int64_t bytes) {
        if (bytes <= static_cast<int64_t>(m_small.size())) return m_small.data();
        m_large = allocateAligned(bytes);
        return m_large.get();
    }

 private:
    alignas(64) std::array<std::byte, 16384> m_small;
    AlignedBytes m_large;
};

/// X as the panels' kernels read it: u8, rows zero-padded to whole tiles of 64 inputs, s8 shifted by 128.
struct PreparedRows {
    const uint8_t* data = nullptr;
    int64_t stride = 0;
    bool shifted = false;
};

/// Neighbouring rows must not fall into the same sets of the first cache: an odd number of lines apart.
int64_t friendlyStride(int64_t cols) {
    const int64_t lines = roundUp(cols, 64) / 64;
    return 64 * (lines | 1);
}

bool readableInPlace(const CodeView& x) {
    return !x.isSigned && x.cols % 64 == 0 && (x.stride % 64 != 0 || x.stride / 64 % 2 == 1 || x.rows == 1);
}

/// Rows worth a parallel loop of their own.
constexpr int64_t kBytesPreparedAlone = 65536;

Result<PreparedRows> prepare(const KernelTable& kernels, const CodeView& x, Scratch& scratch,
                             int32_t* rowSums) {
    const auto* codes = static_cast<const uint8_t*>(x.data);
    PreparedRows rows{codes, x.stride, x.isSigned};
    const bool inPlace = readableInPlace(x);
    if (inPlace && rowSums == nullptr) return rows;
    uint8_t* target = nullptr;
    if (!inPlace) {
        rows.stride = friendlyStride(x.cols);
        target = reinterpret_cast<uint8_t*>(scratch.take(x.rows * rows.stride));
        if (target == nullptr)
            return fail(
                notEnoughMemory("the codes of the product", static_cast<uint64_t>(x.rows * rows.stride)));
        rows.data = target;
    }
    const auto prepareRows = [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const uint8_t* src = codes + i * x.stride;
            int32_t sum = 0;
            if (target == nullptr) {
                sum = kernels.integer.sumCodes(src, x.cols);
            } else {
                uint8_t* dst = target + i * rows.stride;
                if (x.isSigned) {
                    sum = kernels.integer.shiftCodes(src, dst, x.cols);
                } else {
                    std::memcpy(dst, src, static_cast<size_t>(x.cols));
                    if (rowSums != nullptr) sum = kernels.integer.sumCodes(src, x.cols);
                }
                std::memset(dst + x.cols, 0, static_cast<size_t>(rows.stride - x.cols));
            }
            if (rowSums != nullptr) rowSums[i] = sum;
        }
    };
    if (x.rows * x.cols <= kBytesPreparedAlone) {
        prepareRows(0, x.rows);
    } else {
        parallelFor(x.rows, std::max<int64_t>(1, kBytesPreparedAlone / x.cols), prepareRows);
    }
    return rows;
}

ProductPlan planFor(int64_t m, int64_t n, int64_t k) {
    constexpr int64_t kBlockBytes = 393216;
    constexpr int64_t kFewRows = 12;   // a tile of vectors
    constexpr int64_t kTileRows = 96;  // whole tiles of every table
    const int64_t rows = kBlockBytes / roundUp(k, 64);
    PlanLimits limits;
    limits.tileRows = rows < kTileRows ? kFewRows : kTileRows;
    limits.fittingRows = std::max(limits.tileRows, rows / limits.tileRows * limits.tileRows);
    // A product of one row is bound by the weight's bytes: those count as much as operations.
    limits.work = n * k * std::max<int64_t>(m, 2);
    limits.small = 1 << 19;
    limits.large = 1 << 25;
    return planProduct(m, n, limits);
}

template <class T>
T* advanced(T* pointer, int64_t by) {
    return pointer == nullptr ? nullptr : pointer + by;
}

/// The output of one panel and row block, seen from its first row and column.
Int8Output at(const Int8Output& whole, int64_t row, int64_t column) {
    Int8Output part = whole;
    part.sums = advanced(whole.sums, row * whole.stride + column);
    part.floats = advanced(whole.floats, row * whole.stride + column);
    part.columnSums = whole.columnSums + column;
    part.rowZeros = advanced(whole.rowZeros, row);
    part.columnZeros = advanced(whole.columnZeros, column);
    part.rowTerms = advanced(whole.rowTerms, row);
    part.rowScales = advanced(whole.rowScales, row);
    part.columnScales = advanced(whole.columnScales, column);
    part.bias = advanced(whole.bias, column);
    return part;
}

/// body(call) for every panel and row block.
template <class Body>
void forEachPanel(const PreparedRows& x, int64_t m, const PackedInt8Weights& weights,
                  const Int8Output& output, const Body& body) {
    const ProductPlan plan = planFor(m, weights.outputs(), weights.inputs());
    const auto runTasks = [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; ++task) {
            const int64_t row = plan.firstRow(task);
            for (int64_t p = plan.firstPanel(task); p < plan.lastPanel(task); ++p) {
                Int8PanelCall call;
                call.x = x.data + row * x.stride;
                call.xStride = x.stride;
                call.rows = std::min(plan.rowsAtOnce, m - row);
                call.panel = weights.data().panel(p, weights.inputs());
                call.width = panelWidth(weights.outputs(), p);
                call.columns = std::min(kPanelColumns, weights.outputs() - p * kPanelColumns);
                call.kGroups = (weights.inputs() + 3) / 4;
                call.output = at(output, row, p * kPanelColumns);
                body(call);
            }
        }
    };
    parallelFor(plan.tasks(), 1, runTasks);
}

Status checkShapes(const CodeView& x, const PackedInt8Weights& weights, int64_t yStride) {
    if (x.cols != weights.inputs()) {
        return fail(ErrorKind::InvalidArgument,
                    fmt::format("the activations have {} columns, the weight has {} inputs", x.cols,
                                weights.inputs()),
                    "inputs", "Choose matrices whose inner sizes agree.");
    }
    if (x.rows < 1 || x.stride < x.cols || (yStride != 0 && yStride < weights.outputs())) {
        return fail(ErrorKind::InvalidArgument, "a product needs rows, and strides that hold them", "rows");
    }
    if (!x.isSigned && x.cols > kMaxInputsU8S8) {
        return fail(ErrorKind::InvalidArgument,
                    fmt::format("{} inputs may overflow 32-bit sums of u8 times s8: at most {}", x.cols,
                                kMaxInputsU8S8),
                    "inputs", "Cut the product along its inputs and add the parts.");
    }
    return {};
}

}  // namespace

Result<PackedInt8Weights> PackedInt8Weights::pack(const int8_t* codes, int64_t outputs, int64_t inputs,
                                                  int64_t stride) {
    if (stride == 0) stride = inputs;
    if (outputs < 1 || inputs < 1 || stride < inputs) {
        return fail(ErrorKind::InvalidArgument, "a weight needs at least one output and one input", "shape");
    }
    if (inputs > kMaxInputsS8S8) {
        return fail(ErrorKind::InvalidArgument,
                    fmt::format("{} inputs may overflow 32-bit sums of s8 times s8: at most {}", inputs,
                                kMaxInputsS8S8),
                    "inputs", "Cut the product along its inputs and add the parts.");
    }
    auto data = std::make_shared<Data>();
    const int64_t bytes = roundUp(outputs, 16) * roundUp(inputs, 4);
    data->panels = allocateZeroed(bytes + kPanelSlack);
    if (!data->panels) {
        return fail(notEnoughMemory("the packed weight", static_cast<uint64_t>(bytes)));
    }
    data->columnSums.resize(static_cast<size_t>(roundUp(outputs, kPanelColumns)));
    const int64_t panels = roundUp(outputs, kPanelColumns) / kPanelColumns;
    parallelFor(panels, std::max<int64_t>(1, 262144 / (kPanelColumns * inputs)),
                [&](int64_t begin, int64_t end) {
                    for (int64_t p = begin; p < end; ++p) {
                        const int64_t first = p * kPanelColumns;
                        const int64_t columns = std::min(kPanelColumns, outputs - first);
                        packPanel(codes + first * stride, columns, inputs, stride, panelWidth(outputs, p),
                                  const_cast<int8_t*>(data->panel(p, inputs)));
                        for (int64_t c = first; c < first + columns; ++c) {
                            int32_t sum = 0;
                            for (int64_t k = 0; k < inputs; ++k) sum += codes[c * stride + k];
                            data->columnSums[static_cast<size_t>(c)] = sum;
                        }
                    }
                });
    PackedInt8Weights packed;
    packed.m_outputs = outputs;
    packed.m_inputs = inputs;
    packed.m_bytes = static_cast<uint64_t>(bytes);
    packed.m_data = std::move(data);
    return packed;
}

std::vector<int8_t> unpackInt8(const PackedInt8Weights& packed) {
    const int64_t inputs = packed.inputs();
    std::vector<int8_t> codes(static_cast<size_t>(packed.outputs() * inputs));
    parallelFor(packed.outputs(), std::max<int64_t>(1, 262144 / inputs), [&](int64_t begin, int64_t end) {
        for (int64_t j = begin; j < end; ++j) {
            const int64_t p = j / kPanelColumns;
            const int64_t width = panelWidth(packed.outputs(), p);
            const int8_t* column = packed.data().panel(p, inputs) + 4 * (j % kPanelColumns);
            int8_t* dst = codes.data() + j * inputs;
            for (int64_t k = 0; k < inputs; ++k) dst[k] = column[k / 4 * 4 * width + k % 4];
        }
    });
    return codes;
}

std::span<const int32_t> PackedInt8Weights::columnSums() const {
    return std::span(m_data->columnSums).first(static_cast<size_t>(m_outputs));
}

Status multiplyInt8(const KernelTable& kernels, const CodeView& x, const PackedInt8Weights& weights,
                    int32_t* y, int64_t yStride) {
    if (auto status = checkShapes(x, weights, yStride); !status) return status;
    if (kernels.device) return kernels.device->sumInt8(x, weights, y, yStride);
    Scratch scratch;
    const auto rows = prepare(kernels, x, scratch, nullptr);
    if (!rows) return fail(rows.error());
    Int8Output output;
    output.sums = y;
    output.stride = yStride == 0 ? weights.outputs() : yStride;
    output.columnSums = weights.data().columnSums.data();
    output.rowZero = rows->shifted ? 128 : 0;
    forEachPanel(*rows, x.rows, weights, output, kernels.integer.int8Panel);
    return {};
}

Status multiplyInt8(const KernelTable& kernels, const CodeView& x, const PackedInt8Weights& weights,
                    const Int8Dequantize& dequantize, float* y, int64_t yStride) {
    if (auto status = checkShapes(x, weights, yStride); !status) return status;
    const bool affine = dequantize.rowZeros != nullptr && dequantize.columnZeros != nullptr;
    if (affine && x.cols > kMaxInputsAffine) {
        return fail(
            ErrorKind::InvalidArgument,
            fmt::format("{} inputs may overflow 32-bit sums when both sides have zero points: at most {}",
                        x.cols, kMaxInputsAffine),
            "inputs", "Use a symmetric weight, or cut the product along its inputs.");
    }
    if (kernels.device) return kernels.device->multiplyInt8(x, weights, dequantize, y, yStride);
    std::vector<int32_t> terms;
    std::vector<int32_t> zeros;
    if (dequantize.columnZeros != nullptr) terms.resize(static_cast<size_t>(x.rows));
    Scratch scratch;
    const auto rows = prepare(kernels, x, scratch, terms.empty() ? nullptr : terms.data());
    if (!rows) return fail(rows.error());
    Int8Output output;
    output.floats = y;
    output.stride = yStride == 0 ? weights.outputs() : yStride;
    output.accumulate = dequantize.accumulate;
    output.columnSums = weights.data().columnSums.data();
    output.rowZero = rows->shifted ? 128 : 0;
    output.rowZeros = dequantize.rowZeros;
    if (rows->shifted && dequantize.rowZeros != nullptr) {
        zeros.assign(dequantize.rowZeros, dequantize.rowZeros + x.rows);
        for (int32_t& zero : zeros) zero += output.rowZero;
        output.rowZeros = zeros.data();
    }
    for (size_t i = 0; i < terms.size(); ++i) {
        const int64_t zero = output.rowZeros != nullptr ? output.rowZeros[i] : output.rowZero;
        terms[i] = static_cast<int32_t>(terms[i] - x.cols * zero);
    }
    output.rowTerms = terms.data();
    output.columnZeros = dequantize.columnZeros;
    output.rowScales = dequantize.rowScales;
    output.columnScales = dequantize.columnScales;
    output.bias = dequantize.bias;
    forEachPanel(*rows, x.rows, weights, output, kernels.integer.int8Panel);
    return {};
}

Result<SaturationCounts> multiplySaturating16(const KernelTable& kernels, const CodeView& x,
                                              const PackedInt8Weights& weights, int64_t depth, int32_t* y,
                                              int64_t yStride) {
    if (auto status = checkShapes(x, weights, yStride); !status) return fail(status.error());
    if (x.isSigned || depth < 0) {
        return fail(ErrorKind::InvalidArgument, "PMADDUBSW multiplies u8 activations with s8 weights", "type",
                    "Quantize the activations to u8.");
    }
    Scratch scratch;
    const auto rows = prepare(kernels, x, scratch, nullptr);
    if (!rows) return fail(rows.error());
    Int8Output output;
    output.sums = y;
    output.stride = yStride == 0 ? weights.outputs() : yStride;
    output.columnSums = weights.data().columnSums.data();
    SaturationCounts total;
    std::mutex lock;
    forEachPanel(*rows, x.rows, weights, output, [&](const Int8PanelCall& call) {
        SaturationCounts counts;
        kernels.integer.saturatingPanel(call, depth, counts);
        const std::scoped_lock guard(lock);
        total.pairSums += counts.pairSums;
        total.saturatedPairs += counts.saturatedPairs;
        total.additions += counts.additions;
        total.saturatedAdditions += counts.saturatedAdditions;
    });
    return total;
}

}  // namespace quantscope
