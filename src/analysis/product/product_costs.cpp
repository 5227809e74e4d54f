// SPDX-License-Identifier: Apache-2.0
#include "analysis/product/product_costs.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <numeric>

#include "analysis/product/cuda_timing.h"
#include "analysis/product/product_cost_parts.h"
#include "analysis/product/product_sums.h"
#include "base/parallel_for.h"
#include "kernels/float_gemm.h"
#include "kernels/integer_gemm.h"

namespace quantscope {
namespace {

using costs::fastest;

/// Products a slow loop may take before its rows are cut: some hundredths of a second.
constexpr double kSlowProducts = 1.5e7;

/// Both sides as bytes, and the sums every kernel must find.
struct Operands {
    const QuantizedProduct& product;
    ByteCodes x;
    ByteCodes w;
    PackedInt8Weights packed;
    std::vector<int32_t> expected;  ///< of the chosen kernel, itself compared with plain loops

    [[nodiscard]] double operations(int64_t rows) const {
        return 2.0 * static_cast<double>(rows) * static_cast<double>(product.channels) *
               static_cast<double>(product.depth);
    }
    [[nodiscard]] int64_t slowRows() const {
        const double perRow = operations(1) / 2;
        return std::clamp<int64_t>(static_cast<int64_t>(kSlowProducts / perRow), 1, product.rows);
    }
    /// The code as the kernels' weight has it: b - 128 when unsigned.
    [[nodiscard]] int32_t weight(int64_t j, int64_t k) const {
        return product.w.code(j, k) - (w.isSigned ? 0 : 128);
    }
};

KernelTiming timing(const Operands& operands, std::string name, int64_t rows, double seconds) {
    KernelTiming result;
    result.name = std::move(name);
    result.rowsMeasured = rows;
    result.seconds = seconds;
    result.gops = operands.operations(rows) / seconds / 1e9;
    return result;
}

/// Three loops, W as the formula has it [inputs x channels]: every b lies in another cache line.
KernelTiming naiveLoops(const Operands& operands, std::vector<int32_t>& sums) {
    const QuantizedProduct& p = operands.product;
    const int64_t rows = operands.slowRows();
    std::vector<int8_t> turned(static_cast<size_t>(p.depth * p.channels));
    for (int64_t j = 0; j < p.channels; ++j)
        for (int64_t k = 0; k < p.depth; ++k)
            turned[static_cast<size_t>(k * p.channels + j)] = static_cast<int8_t>(operands.weight(j, k));
    sums.assign(static_cast<size_t>(rows * p.channels), 0);
    const double seconds = fastest([&] {
        for (int64_t i = 0; i < rows; ++i) {
            for (int64_t j = 0; j < p.channels; ++j) {
                int32_t sum = 0;
                for (int64_t k = 0; k < p.depth; ++k)
                    sum += p.x.codes[static_cast<size_t>(i * p.depth + k)] *
                           turned[static_cast<size_t>(k * p.channels + j)];
                sums[static_cast<size_t>(i * p.channels + j)] = sum;
            }
        }
    });
    return timing(operands, "naive loops", rows, seconds);
}

/// The same with W as it is stored [channels x inputs]: both sides are read in order, in parallel.
KernelTiming orderedLoops(const Operands& operands) {
    const QuantizedProduct& p = operands.product;
    std::vector<int32_t> sums(static_cast<size_t>(p.rows * p.channels));
    const double seconds = fastest([&] {
        parallelFor(p.rows, 8, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) {
                for (int64_t j = 0; j < p.channels; ++j) {
                    const int16_t* a = p.x.codes.data() + i * p.depth;
                    const int16_t* b = p.w.codes.data() + j * p.depth;
                    int32_t sum = 0;
                    for (int64_t k = 0; k < p.depth; ++k) sum += a[k] * b[k];
                    sums[static_cast<size_t>(i * p.channels + j)] = sum;
                }
            }
        });
    });
    return timing(operands, "loops in memory order", p.rows, seconds);
}

Result<KernelTiming> kernelTiming(const Operands& operands, const KernelTable& table, bool isReference) {
    const QuantizedProduct& p = operands.product;
    const int64_t rows = isReference ? operands.slowRows() : p.rows;
    CodeView x = operands.x.view(0, p.depth);
    x.rows = rows;
    std::vector<int32_t> sums(static_cast<size_t>(rows * p.channels));
    Status done;
    const double seconds = fastest([&] { done = multiplyInt8(table, x, operands.packed, sums.data()); });
    if (!done) return fail(done.error());
    if (!std::equal(sums.begin(), sums.end(), operands.expected.begin()))
        return fail(ErrorKind::Internal, fmt::format("kernel {} gives other sums", table.name), "kernels");
    return timing(operands, isReference ? "packed, plain C++" : std::string(table.name), rows, seconds);
}

/// PMADDUBSW: u8 x s8 pairs summed in 16 bits.
Result<KernelTiming> saturatingTiming(const Operands& operands, const KernelTable& chosen) {
    const QuantizedProduct& p = operands.product;
    std::vector<uint8_t> shifted = operands.x.data;
    if (operands.x.isSigned)
        for (uint8_t& a : shifted) a = static_cast<uint8_t>(a ^ 0x80U);
    const CodeView x = CodeView::of(shifted.data(), p.rows, p.depth);
    std::vector<int32_t> sums(static_cast<size_t>(p.rows * p.channels));
    SaturationCounts counts;
    Status done;
    const double seconds = fastest([&] {
        const auto counted = multiplySaturating16(chosen, x, operands.packed, 1, sums.data());
        if (counted)
            counts = *counted;
        else
            done = fail(counted.error());
    });
    if (!done) return fail(done.error());
    KernelTiming result = timing(operands, "PMADDUBSW, 16 bits", p.rows, seconds);
    const std::span<const int32_t> columns = operands.packed.columnSums();
    int64_t wrong = 0;
    for (size_t at = 0; at < sums.size(); ++at) {
        const int32_t shift = operands.x.isSigned ? 128 * columns[at % static_cast<size_t>(p.channels)] : 0;
        wrong += sums[at] - shift != operands.expected[at] ? 1 : 0;
    }
    result.wrongShare = static_cast<double>(wrong) / static_cast<double>(sums.size());
    result.saturatedShare = counts.pairSums == 0 ? 0
                                                 : static_cast<double>(counts.saturatedPairs) /
                                                       static_cast<double>(counts.pairSums);
    return result;
}

Result<KernelTiming> floatTiming(const Operands& operands, const ProductInput& input,
                                 const KernelTable& kernels) {
    const FloatGemm gemm(kernels);
    const auto packed = FloatGemm::pack(input.w);
    if (!packed) return fail(packed.error());
    std::vector<float> y(static_cast<size_t>(input.x.rows * input.w.rows));
    const double seconds = fastest([&] { gemm.multiply(input.x, *packed, y.data()); });
    return timing(operands, fmt::format("float32, {}", kernels.name), input.x.rows, seconds);
}

/// On every GPU, or one row that says why there is none.
void addDevices(const Operands& operands, ProductCosts& costs) {
    const QuantizedProduct& p = operands.product;
    std::vector<int8_t> weights;
    weights.reserve(operands.w.data.size());
    for (const uint8_t b : operands.w.data) {
        weights.push_back(static_cast<int8_t>(operands.w.isSigned ? b : b ^ 0x80U));
    }
    const auto timings =
        timeOnCuda(operands.x.view(0, p.depth), weights.data(), p.channels, operands.expected);
    KernelTiming row;
    row.isDevice = true;
    if (!timings) {
        row.name = "CUDA";
        row.reason = timings.error().message;
        costs.kernels.push_back(std::move(row));
        return;
    }
    for (const CudaProductTiming& device : *timings) {
        row.name = device.device.name;
        row.reason = device.error ? device.error->message : "";
        if (!device.error) row = timing(operands, device.device.name, p.rows, device.seconds);
        row.isDevice = true;
        row.secondsWithTransfer = device.secondsWithTransfer;
        costs.kernels.push_back(row);
    }
}

Result<Operands> operandsOf(const QuantizedProduct& product, const KernelTable& chosen) {
    Operands operands{product, byteCodes(product.x), byteCodes(product.w), {}, {}};
    auto packed = packCodes(operands.w, 0, product.depth);
    if (!packed) return fail(packed.error());
    operands.packed = std::move(*packed);
    operands.expected.resize(static_cast<size_t>(product.rows * product.channels));
    const Status done =
        multiplyInt8(chosen, operands.x.view(0, product.depth), operands.packed, operands.expected.data());
    if (!done) return fail(done.error());
    return operands;
}

/// The ladder: from three loops to what this machine has.
Status measureKernels(const Operands& operands, const ProductInput& input, const KernelTable& chosen,
                      const Job& job, ProductCosts& costs) {
    std::vector<int32_t> plain;
    costs.kernels.push_back(naiveLoops(operands, plain));
    if (!std::equal(plain.begin(), plain.end(), operands.expected.begin()))
        return fail(ErrorKind::Internal, fmt::format("kernel {} gives other sums", chosen.name), "kernels");
    if (!job.proceed(0.2, "kernels")) return fail(ErrorKind::Cancelled, "stopped");
    costs.kernels.push_back(orderedLoops(operands));
    const CpuFeatures features = detectCpuFeatures();
    const auto tables = kernelTables();
    for (size_t t = tables.size(); t-- > 0;) {
        const KernelTable& table = *tables[t];
        if (!job.proceed(0.3 + 0.5 / static_cast<double>(t + 1), "kernels"))
            return fail(ErrorKind::Cancelled, "stopped");
        if (!features.covers(table.required)) {
            KernelTiming missing;
            missing.name = table.name;
            missing.reason = fmt::format("not on this machine (needs {})", describe(table.required));
            costs.kernels.push_back(std::move(missing));
            continue;
        }
        auto timed = kernelTiming(operands, table, t + 1 == tables.size());
        if (!timed) return fail(timed.error());
        timed->isChosen = &table == &chosen;
        costs.kernels.push_back(std::move(*timed));
    }
    if (auto saturating = saturatingTiming(operands, chosen)) costs.kernels.push_back(std::move(*saturating));
    auto inFloat = floatTiming(operands, input, chosen);
    if (!inFloat) return fail(inFloat.error());
    costs.kernels.push_back(std::move(*inFloat));
    if (!job.proceed(0.9, "devices")) return fail(ErrorKind::Cancelled, "stopped");
    addDevices(operands, costs);
    return {};
}

/// This product with all its rows, 16 of them, and one (decoding).
void addRoofline(const Operands& operands, const KernelTable& chosen, ProductCosts& costs) {
    const QuantizedProduct& p = operands.product;
    std::vector<int64_t> sizes{p.rows};
    for (const int64_t rows : {int64_t{16}, int64_t{1}})
        if (rows < p.rows) sizes.push_back(rows);
    std::vector<int32_t> sums(operands.expected.size());
    for (const int64_t rows : sizes) {
        CodeView x = operands.x.view(0, p.depth);
        x.rows = rows;
        const double seconds = fastest([&] { (void)multiplyInt8(chosen, x, operands.packed, sums.data()); });
        const double bytes =
            static_cast<double>(rows * p.depth + p.channels * p.depth + 4 * rows * p.channels);
        costs.points.push_back({fmt::format("M = {}", rows), operands.operations(rows) / bytes,
                                operands.operations(rows) / seconds / 1e9});
    }
}

void addShares(ProductCosts& costs) {
    for (const KernelTiming& kernel : costs.kernels) {
        if (!kernel.isDevice && !kernel.name.starts_with("float32"))
            costs.peakGops = std::max(costs.peakGops, kernel.gops);
    }
    for (const RooflinePoint& point : costs.points) costs.peakGops = std::max(costs.peakGops, point.gops);
    for (KernelTiming& kernel : costs.kernels)
        kernel.shareOfPeak = costs.peakGops > 0 && !kernel.isDevice ? kernel.gops / costs.peakGops : 0;
}

}  // namespace

Result<ProductCosts> measureCosts(const QuantizedProduct& product, const ProductInput& input,
                                  const KernelTable& chosen, const Job& job) {
    if (!product.isInteger) {
        return fail(ErrorKind::InvalidArgument, "one side is float: there is no integer product to time",
                    "scheme", "Choose a variant that quantizes X and W");
    }
    ProductCosts costs;
    costs.rows = product.rows;
    costs.channels = product.channels;
    costs.depth = product.depth;
    costs.threads = threadCount();
    const auto operands = operandsOf(product, chosen);
    if (!operands) return fail(operands.error());
    if (Status done = measureKernels(*operands, input, chosen, job.part(0, 0.5), costs); !done)
        return fail(done.error());
    addRoofline(*operands, chosen, costs);
    if (!job.proceed(0.6, "memory")) return fail(ErrorKind::Cancelled, "stopped");
    costs.peakGops = costs::peakGops(chosen);
    costs.bandwidthGbs = costs::bandwidthGbs();
    addShares(costs);
    if (!job.proceed(0.8, "terms")) return fail(ErrorKind::Cancelled, "stopped");
    costs.terms = costs::termTiming(product, input, chosen);
    costs.terms.sums = costs::secondsOfChosen(costs);
    costs.packing = costs::packingCosts(product.channels * product.depth, costs.terms.sums);
    auto weightOnly = costs::weightOnlyCost(input, chosen);
    if (!weightOnly) return fail(weightOnly.error());
    costs.weightOnly = *weightOnly;
    return costs;
}

}  // namespace quantscope
