// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/product_checks.h"

#include <fmt/format.h>

#include <utility>

#include "kernels/cuda/tile_plan.h"
#include "kernels/packed_integer.h"

namespace quantscope::cuda {
namespace {

tl::unexpected<Error> invalid(std::string message, const char* field, const char* fix = "") {
    return fail(ErrorKind::InvalidArgument, std::move(message), field, fix);
}

Status checkSizes(int64_t rows, int64_t cols, int64_t stride, int64_t inputs, int64_t outputs,
                  int64_t yStride) {
    if (cols != inputs) {
        return invalid(fmt::format("the activations have {} columns, the weight has {} inputs", cols, inputs),
                       "inputs", "Choose matrices whose inner sizes agree.");
    }
    if (rows < 1 || stride < cols || (yStride != 0 && yStride < outputs)) {
        return invalid("a product needs rows, and strides that hold them", "rows");
    }
    return {};
}

Status checkMost(const char* what, int64_t count, int64_t most) {
    if (count <= most) return {};
    return invalid(
        fmt::format("{} {} are more than one launch on a device takes: at most {}", count, what, most), what,
        "Multiply part of them at a time.");
}

}  // namespace

Status checkWeight(int64_t outputs, int64_t inputs, int64_t stride) {
    if (outputs < 1 || inputs < 1 || stride < inputs) {
        return invalid("a weight needs at least one output and one input", "shape");
    }
    if (inputs > kMaxInputsS8S8) {
        return invalid(fmt::format("{} inputs may overflow 32-bit sums of s8 times s8: at most {}", inputs,
                                   kMaxInputsS8S8),
                       "inputs", "Cut the product along its inputs and add the parts.");
    }
    return checkMost("outputs", outputs, kMostColumns);
}

Status checkInt4Weight(const Int4Source& source, int64_t groupSize) {
    if (auto status = checkInt4Source(source, groupSize); !status) return status;
    if (auto status = checkMost("outputs", source.outputs, kMostRows); !status) return status;
    return checkMost("inputs", source.inputs, kMostRows);
}

Status checkProduct(const CodeView& x, int64_t inputs, int64_t outputs, int64_t yStride) {
    if (auto status = checkSizes(x.rows, x.cols, x.stride, inputs, outputs, yStride); !status) return status;
    if (!x.isSigned && x.cols > kMaxInputsU8S8) {
        return invalid(fmt::format("{} inputs may overflow 32-bit sums of u8 times s8: at most {}", x.cols,
                                   kMaxInputsU8S8),
                       "inputs", "Cut the product along its inputs and add the parts.");
    }
    return checkMost("rows", x.rows, kMostRows);
}

Status checkZeroPoints(const Int8Dequantize& how, int64_t inputs) {
    if (how.rowZeros == nullptr || how.columnZeros == nullptr || inputs <= kMaxInputsAffine) return {};
    return invalid(
        fmt::format("{} inputs may overflow 32-bit sums when both sides have zero points: at most {}", inputs,
                    kMaxInputsAffine),
        "inputs", "Use a symmetric weight, or cut the product along its inputs.");
}

Status checkProduct(const MatrixView& x, int64_t inputs, int64_t outputs, int64_t yStride) {
    if (auto status = checkSizes(x.rows, x.cols, x.stride, inputs, outputs, yStride); !status) return status;
    return checkMost("rows", x.rows, kMostInt4Rows);
}

Status checkRows(int64_t rows, int64_t cols, int64_t stride) {
    if (rows < 1 || cols < 1 || (rows > 1 && stride < cols)) {
        return invalid("there are no rows, or their stride does not hold them", "rows");
    }
    return checkMost("rows", rows, kMostRows);
}

Status wrongDevice() {
    return invalid("the weight lies on another CUDA device", "cuda", "Upload it to this one.");
}

}  // namespace quantscope::cuda
