// SPDX-License-Identifier: Apache-2.0
#include "analysis/product/product_cost_parts.h"

#include <algorithm>
#include <atomic>

#include "analysis/product/product_sums.h"
#include "base/parallel_for.h"
#include "kernels/integer_gemm.h"
#include "kernels/matrix_passes.h"
#include "quant/packing.h"
#include "quant/passes/reference.h"

namespace quantscope::costs {
namespace {

/// Results the compiler must not throw away land here.
void keep(int64_t value) {
    static_cast<void>(std::atomic<int64_t>(value).load(std::memory_order_relaxed));
}

Scheme int4Scheme(int64_t depth) {
    Scheme scheme;
    scheme.bits = 4;
    scheme.granularity = depth > 64 ? Granularity::Group : Granularity::OutputChannel;
    scheme.groupSize = 64;
    return scheme;
}

}  // namespace

double peakGops(const KernelTable& chosen) {
    constexpr int64_t kSteps = int64_t{1} << 16;
    const int64_t threads = threadCount();
    std::atomic<int64_t> operations = 0;
    const double seconds = fastest([&] {
        operations = 0;
        parallelFor(threads, 1, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) operations += chosen.integer.peakLoop(kSteps);
        });
    });
    return static_cast<double>(operations) / seconds / 1e9;
}

double bandwidthGbs() {
    const std::vector<uint64_t> memory(size_t{1} << 24, 1);  // 128 MiB
    std::atomic<uint64_t> total = 0;
    const double seconds = fastest([&] {
        parallelFor(static_cast<int64_t>(memory.size()), int64_t{1} << 18, [&](int64_t begin, int64_t end) {
            uint64_t sum = 0;
            for (int64_t i = begin; i < end; ++i) sum += memory[static_cast<size_t>(i)];
            total += sum;
        });
    });
    return static_cast<double>(memory.size() * sizeof(uint64_t)) / seconds / 1e9;
}

double secondsOfChosen(const ProductCosts& costs) {
    for (const KernelTiming& kernel : costs.kernels)
        if (kernel.isChosen) return kernel.seconds;
    return 0;
}

TermTiming termTiming(const QuantizedProduct& product, const ProductInput& input,
                      const KernelTable& kernels) {
    TermTiming terms;
    std::vector<int32_t> xSums;
    std::vector<int32_t> wSums;
    terms.xSums = fastest([&] { xSums = rowSums(product.x, 0, product.depth); });
    terms.wSums = fastest([&] { wSums = rowSums(product.w, 0, product.depth); });
    std::vector<int32_t> sums(static_cast<size_t>(product.rows * product.channels), 1);
    const int32_t zx = product.x.hasIntegerZeros() ? product.x.zeroPoint(0, 0) : 0;
    const int32_t zw = product.w.hasIntegerZeros() ? product.w.zeroPoint(0, 0) : 0;
    std::vector<int32_t> bias(static_cast<size_t>(product.channels));
    const auto fold = [&] {
        for (size_t j = 0; j < bias.size(); ++j)
            bias[j] = static_cast<int32_t>(product.depth) * zx * zw - zx * wSums[j];
    };
    const auto combine = [&] {
        for (int64_t i = 0; i < product.rows; ++i) {
            int32_t* row = sums.data() + i * product.channels;
            const int32_t online = zw * xSums[static_cast<size_t>(i)];
            for (size_t j = 0; j < bias.size(); ++j) row[j] = (row[j] & 0xFFFF) + bias[j] - online;
        }
    };
    fold();
    terms.folded = terms.xSums + fastest(combine);
    terms.online = terms.xSums + fastest([&] {
                       wSums = rowSums(product.w, 0, product.depth);
                       fold();
                       combine();
                   });
    keep(sums.front());
    const Scheme& scheme = input.activations.scheme;
    std::vector<int32_t> codes(static_cast<size_t>(input.x.size()));
    const auto encode = [&](std::span<const GroupParams> groups) {
        (void)encodeMatrix(input.x, scheme, groups, kernels.elementwise, codes.data());
    };
    terms.staticRange = fastest([&] { encode(product.x.quantization.groups); });
    terms.dynamicRange = fastest([&] {
        if (const auto groups = chooseGroupParams(input.x, scheme, kernels.elementwise)) encode(*groups);
    });
    return terms;
}

std::vector<PackingCost> packingCosts(int64_t weights, double productSeconds) {
    constexpr int64_t kCodes = int64_t{1} << 18;
    std::vector<PackingCost> costs;
    for (int bits = 2; bits <= 8; ++bits) {
        std::vector<int32_t> codes(static_cast<size_t>(kCodes));
        for (size_t i = 0; i < codes.size(); ++i)
            codes[i] = static_cast<int32_t>(i * 37 % (size_t{1} << bits));
        std::vector<std::byte> packed(static_cast<size_t>(packedBytes(kCodes, bits)));
        PackingCost cost;
        cost.bits = bits;
        cost.packRate =
            static_cast<double>(kCodes) / fastest([&] { packCodes(codes, 0, bits, packed.data()); });
        cost.unpackRate =
            static_cast<double>(kCodes) / fastest([&] { unpackCodes(packed.data(), bits, 0, codes); });
        const double unpacking = static_cast<double>(weights) / cost.unpackRate;
        cost.share = unpacking / (unpacking + productSeconds);
        costs.push_back(cost);
    }
    return costs;
}

Result<WeightOnlyCost> weightOnlyCost(const ProductInput& input, const KernelTable& kernels) {
    const MatrixView& w = input.w;
    const Scheme scheme = int4Scheme(w.cols);
    const auto groups = chooseGroupParams(w, scheme, kernels.elementwise);
    if (!groups) return fail(groups.error());
    std::vector<int32_t> codes(static_cast<size_t>(w.size()));
    if (Status done = encodeMatrix(w, scheme, *groups, kernels.elementwise, codes.data()); !done)
        return fail(done.error());
    std::vector<uint8_t> nibbles(codes.size());
    std::ranges::transform(codes, nibbles.begin(), [](int32_t q) { return static_cast<uint8_t>(q + 8); });
    std::vector<float> scales;
    for (const GroupParams& group : *groups) scales.push_back(group.scale);
    Int4Source source;
    source.codes = nibbles.data();
    source.outputs = w.rows;
    source.inputs = w.cols;
    source.groupSize = scheme.granularity == Granularity::Group ? scheme.groupSize : 0;
    source.scales = scales.data();
    const auto packed = PackedInt4Weights::pack(source);
    if (!packed) return fail(packed.error());

    WeightOnlyCost cost;
    cost.bits = 4;
    cost.packedBytes = static_cast<double>(packed->bytes());
    cost.floatBytes = 4.0 * static_cast<double>(w.size());
    cost.bytesOnTheFly = cost.packedBytes;
    cost.bytesEverything = cost.packedBytes + 2 * cost.floatBytes;
    std::vector<float> y(static_cast<size_t>(w.rows));
    const MatrixView token{input.x.data, 1, input.x.cols, input.x.stride};
    cost.secondsOnTheFly = fastest([&] { (void)multiplyInt4(kernels, token, *packed, y.data()); });
    std::vector<float> values(codes.size());
    const int64_t perGroup = source.groupSize > 0 ? source.groupSize : w.cols;
    const int64_t groupsAcross = (w.cols + perGroup - 1) / perGroup;
    cost.secondsEverything = fastest([&] {
        parallelFor(w.rows, 64, [&](int64_t begin, int64_t end) {
            for (int64_t j = begin; j < end; ++j) {
                for (int64_t k = 0; k < w.cols; ++k) {
                    const auto at = static_cast<size_t>(j * w.cols + k);
                    values[at] = scales[static_cast<size_t>(j * groupsAcross + k / perGroup)] *
                                 static_cast<float>(int{nibbles[at]} - 8);
                }
            }
        });
        parallelFor(w.rows, 64, [&](int64_t begin, int64_t end) {
            for (int64_t j = begin; j < end; ++j) {
                float sums[8] = {};
                const float* row = values.data() + j * w.cols;
                int64_t k = 0;
                for (; k + 8 <= w.cols; k += 8)
                    for (int64_t lane = 0; lane < 8; ++lane)
                        sums[lane] += token.data[k + lane] * row[k + lane];
                for (; k < w.cols; ++k) sums[0] += token.data[k] * row[k];
                for (int lane = 1; lane < 8; ++lane) sums[0] += sums[lane];
                y[static_cast<size_t>(j)] = sums[0];
            }
        });
    });
    return cost;
}

}  // namespace quantscope::costs
