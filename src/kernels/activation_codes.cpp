// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/parallel_for.h"
#include "kernels/integer_gemm.h"
#include "kernels/product_device.h"
#include "kernels/row_codes.h"
#include "kernels/row_errors.h"

namespace quantscope {

Status checkStaticRange(const std::optional<StaticRange>& fixed) {
    if (fixed && !(std::isnormal(fixed->scale) && fixed->scale > 0 && std::isfinite(1 / fixed->scale))) {
        return fail(ErrorKind::InvalidArgument,
                    fmt::format("the scale {} of the activations is not a positive number with a reciprocal",
                                fixed->scale),
                    "scale", "Calibrate with inputs that are not all zero.");
    }
    return {};
}

Error rowNotFinite(int64_t row) {
    return {ErrorKind::InvalidArgument,
            fmt::format("row {} of the activations holds NaN or infinity", row),
            {},
            "activations",
            "Look for overflow in the layers before."};
}

Status quantizeRows(const KernelTable& kernels, const MatrixView& x, ActivationCodes kind, QuantizedRows& out,
                    const std::optional<StaticRange>& fixed) {
    const bool isSigned = kind == ActivationCodes::SymmetricS8;
    if (auto status = checkStaticRange(fixed); !status) return status;
    if (kernels.device) return kernels.device->quantizeRows(x, kind, out, fixed);
    out.rows = x.rows;
    out.cols = x.cols;
    out.isSigned = isSigned;
    out.codes.resize(static_cast<size_t>(x.size()));
    out.scales.resize(static_cast<size_t>(x.rows));
    out.zeros.resize(isSigned ? 0 : static_cast<size_t>(x.rows));
    std::atomic<int64_t> firstBad{x.rows};
    const auto encodeRows = [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const RowRange range = kernels.integer.rowRange(x.row(i), x.cols);
            if (!range.finite) {
                int64_t known = firstBad.load();
                while (i < known && !firstBad.compare_exchange_weak(known, i)) {
                }
                continue;
            }
            RowCode code = isSigned ? symmetricRowCode(range.minimum, range.maximum)
                                    : affineRowCode(range.minimum, range.maximum);
            if (fixed) code = {fixed->scale, 1 / fixed->scale, fixed->zero};
            out.scales[static_cast<size_t>(i)] = code.scale;
            if (!isSigned) out.zeros[static_cast<size_t>(i)] = code.zero;
            kernels.integer.encodeRow(x.row(i), out.codes.data() + i * x.cols, x.cols, code.inverse,
                                      code.zero, isSigned ? (fixed ? -128 : -127) : 0, isSigned ? 127 : 255);
        }
    };
    constexpr int64_t kElementsAtOnce = 16384;
    parallelFor(x.rows, std::max<int64_t>(1, kElementsAtOnce / std::max<int64_t>(1, x.cols)), encodeRows);
    if (firstBad.load() < x.rows) {
        return fail(rowNotFinite(firstBad.load()));
    }
    return {};
}

}  // namespace quantscope
