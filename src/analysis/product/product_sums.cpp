// SPDX-License-Identifier: Apache-2.0
#include "analysis/product/product_sums.h"

#include <algorithm>
#include <atomic>

#include "base/parallel_for.h"
#include "quant/passes/reference.h"

namespace quantscope {
namespace {

/// Output channels whose codes stay in the first-level cache while all rows of a block pass by.
constexpr int64_t kChannels = 16;
constexpr int64_t kRows = 32;

tl::unexpected<Error> stopped() {
    return fail(ErrorKind::Cancelled, "stopped");
}

/// Calls cell(i, j) for every element, a block of channels and rows at a time, in parallel.
template <class Cell>
Status forEachCell(int64_t rows, int64_t channels, const Job& job, const Cell& cell) {
    std::atomic<int64_t> done = 0;
    std::atomic<bool> stop = false;
    parallelFor(rows, kRows, [&](int64_t begin, int64_t end) {
        for (int64_t j0 = 0; j0 < channels && !stop; j0 += kChannels) {
            for (int64_t i = begin; i < end; ++i)
                for (int64_t j = j0; j < std::min(channels, j0 + kChannels); ++j) cell(i, j);
            if (job.stopRequested()) stop = true;
        }
        done += end - begin;
        if (!job.proceed(static_cast<double>(done) / static_cast<double>(rows), "product")) stop = true;
    });
    if (stop) return stopped();
    return {};
}

}  // namespace

ByteCodes byteCodes(const ProductOperand& side) {
    ByteCodes bytes;
    const Scheme& scheme = side.quantization.scheme;
    bytes.isSigned = codeMin(scheme) < 0;
    bytes.data.reserve(side.codes.size());
    for (const int16_t code : side.codes) bytes.data.push_back(static_cast<uint8_t>(code));
    bytes.rows = side.rows;
    bytes.depth = side.depth;
    return bytes;
}

CodeView ByteCodes::view(int64_t begin, int64_t end) const {
    return {data.data() + begin, isSigned, rows, end - begin, depth};
}

Result<PackedInt8Weights> packCodes(const ByteCodes& w, int64_t begin, int64_t end) {
    if (w.isSigned) {
        return PackedInt8Weights::pack(reinterpret_cast<const int8_t*>(w.data.data()) + begin, w.rows,
                                       end - begin, w.depth);
    }
    // The kernels' weights are signed: b - 128, and 128 sum a is added to the sums.
    std::vector<int8_t> shifted(w.data.size());
    std::ranges::transform(w.data, shifted.begin(), [](uint8_t b) { return static_cast<int8_t>(b - 128); });
    return PackedInt8Weights::pack(shifted.data() + begin, w.rows, end - begin, w.depth);
}

Result<std::vector<int32_t>> codeSums(const ProductOperand& x, const ProductOperand& w, int64_t begin,
                                      int64_t end, const KernelTable& kernels, const Job& job) {
    if (!job.proceed(0, "product")) return stopped();
    const ByteCodes wBytes = byteCodes(w);
    const auto packed = packCodes(wBytes, begin, end);
    if (!packed) return fail(packed.error());
    const ByteCodes xBytes = byteCodes(x);
    std::vector<int32_t> sums(static_cast<size_t>(x.rows * w.rows));
    if (Status done = multiplyInt8(kernels, xBytes.view(begin, end), *packed, sums.data()); !done)
        return fail(done.error());
    if (!wBytes.isSigned) {
        const std::vector<int32_t> xSums = rowSums(x, begin, end);
        for (size_t at = 0; at < sums.size(); ++at) sums[at] += 128 * xSums[at / static_cast<size_t>(w.rows)];
    }
    return sums;
}

std::vector<int32_t> rowSums(const ProductOperand& side, int64_t begin, int64_t end) {
    std::vector<int32_t> sums(static_cast<size_t>(side.rows));
    for (int64_t r = 0; r < side.rows; ++r) {
        const int16_t* row = side.codes.data() + r * side.depth;
        int32_t sum = 0;
        for (int64_t k = begin; k < end; ++k) sum += row[k];
        sums[static_cast<size_t>(r)] = sum;
    }
    return sums;
}

Result<std::vector<float>> exactProduct(const MatrixView& x, const MatrixView& w, const Job& job) {
    std::vector<float> product(static_cast<size_t>(x.rows * w.rows));
    const Status done = forEachCell(x.rows, w.rows, job, [&](int64_t i, int64_t j) {
        const float* a = x.row(i);
        const float* b = w.row(j);
        // Four sums side by side: a single one would wait for each addition.
        double sums[4] = {};
        int64_t k = 0;
        for (; k + 4 <= x.cols; k += 4)
            for (int64_t lane = 0; lane < 4; ++lane)
                sums[lane] += static_cast<double>(a[k + lane]) * static_cast<double>(b[k + lane]);
        for (; k < x.cols; ++k) sums[0] += static_cast<double>(a[k]) * static_cast<double>(b[k]);
        product[static_cast<size_t>(i * w.rows + j)] =
            static_cast<float>((sums[0] + sums[1]) + (sums[2] + sums[3]));
    });
    if (!done) return fail(done.error());
    return product;
}

}  // namespace quantscope
