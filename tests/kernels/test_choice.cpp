// SPDX-License-Identifier: Apache-2.0
#include <QTest>

#include "kernel_rows.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/kernel_set.h"
#include "kernels/packed_integer.h"
#include "numerics/instruction_sets.h"

namespace quantscope {

class ChoiceTest : public QObject {
    Q_OBJECT
 private slots:
    void bestThatRuns();
    void overrides();
    void instructionSetsFollowTheKernels();
    void overrideErrors();
    void tablesAreComplete();
    void report();
    void setSwitches();
    void setErrors();
    void gpuNeedsAGpu();
    void deviceTakesProducts();
    void deviceErrorsReachTheCaller();
    void copiesBelongToOneDevice();
};

void ChoiceTest::bestThatRuns() {
    QCOMPARE(QByteArray((*chooseKernels({}))->name.data()), QByteArray("reference"));
    if (kernelTables().size() == 1) return;
    QCOMPARE(std::string((*chooseKernels({.avx2 = true}))->name), std::string("avx2"));
    QCOMPARE(std::string((*chooseKernels({.avx2 = true, .avx512 = true}))->name), std::string("avx512"));
    QCOMPARE(std::string((*chooseKernels({.avx2 = true, .avx512 = true, .avx512Vnni = true}))->name),
             std::string("avx512vnni"));
}

void ChoiceTest::overrides() {
    const CpuFeatures all{.avx2 = true, .avxVnni = true, .avx512 = true, .avx512Vnni = true, .amxInt8 = true};
    for (const KernelTable* table : kernelTables()) QCOMPARE(*chooseKernels(all, table->name), table);
    QCOMPARE(std::string(kernelTables().back()->name), std::string("reference"));
}

void ChoiceTest::instructionSetsFollowTheKernels() {
    // What a table needs and what its name leaves to quantizers and methods are told in two places.
    for (const KernelTable* table : kernelTables()) {
        const InstructionSet needed = table->required.avx512 ? InstructionSet::Avx512
                                      : table->required.avx2 ? InstructionSet::Avx2
                                                             : InstructionSet::Baseline;
        QCOMPARE(nameOf(widestSetOf(table->name)), nameOf(needed));
    }
}

void ChoiceTest::overrideErrors() {
    const auto unknown = chooseKernels({}, "sse9");
    QVERIFY(!unknown);
    QCOMPARE(unknown.error().kind, ErrorKind::InvalidArgument);
    QCOMPARE(unknown.error().field, std::string("QUANTSCOPE_KERNELS"));
    QVERIFY(unknown.error().message.find("sse9") != std::string::npos);
    QVERIFY(unknown.error().fix.find("reference") != std::string::npos);
    if (kernelTables().size() == 1) return;
    const auto missing = chooseKernels({.avx2 = true}, "avx512");
    QVERIFY(!missing);
    QCOMPARE(missing.error().kind, ErrorKind::InvalidArgument);
    QVERIFY(missing.error().message.find("avx2") != std::string::npos);
}

void ChoiceTest::tablesAreComplete() {
    for (const KernelTable* table : kernelTables()) {
        // Tables hold function pointers only: no part of them may be null.
        const auto check = [](const auto& part) {
            const auto* pointers = reinterpret_cast<void* const*>(&part);
            for (size_t i = 0; i < sizeof part / sizeof(void*); ++i) {
                if (pointers[i] == nullptr) return false;
            }
            return true;
        };
        QVERIFY(check(table->elementwise));
        QVERIFY(check(table->forward));
        QVERIFY(check(table->integer));
    }
}

void ChoiceTest::report() {
    const KernelReport best = reportKernels({}, *kernelTables().back());
    QCOMPARE(best.tables.size(), kernelTables().size());
    QVERIFY(best.tables.back().chosen);
    QCOMPARE(best.tables.back().reason, std::string("the best this machine runs"));
    const auto devices = listCudaDevices();
    QCOMPARE(best.accelerators.size(), devices ? devices->size() : size_t{1});
    QCOMPARE(best.accelerators.front().runs, devices.has_value());
    QVERIFY(!best.accelerators.front().reason.empty());
    if (kernelTables().size() == 1) return;
    QVERIFY(!best.tables.front().runs);
    QVERIFY(best.tables.front().reason.find("needs avx2") == 0);
    const CpuFeatures all{.avx2 = true, .avxVnni = true, .avx512 = true, .avx512Vnni = true, .amxInt8 = true};
    const KernelReport asked = reportKernels(all, *kernelTables().back());
    QVERIFY(asked.tables.front().runs && !asked.tables.front().chosen);
    QCOMPARE(asked.tables.back().reason, std::string("chosen instead of a faster one"));
}

namespace {

/// Computes with the reference table on what it unpacks, as a device does with what it was sent.
class CountingDevice : public ProductDevice {
 public:
    int calls = 0;
    bool broken = false;

    Status sumInt8(const CodeView& x, const PackedInt8Weights& weights, int32_t* y,
                   int64_t yStride) override {
        if (broken) return fail(ErrorKind::Internal, "the device fell off the bus", "cuda");
        ++calls;
        return quantscope::multiplyInt8(reference(), x, again(weights), y, yStride);
    }
    Status multiplyInt8(const CodeView& x, const PackedInt8Weights& weights, const Int8Dequantize& dequantize,
                        float* y, int64_t yStride) override {
        ++calls;
        return quantscope::multiplyInt8(reference(), x, again(weights), dequantize, y, yStride);
    }
    Status multiplyInt4(const MatrixView& x, const PackedInt4Weights& weights, float* y, int64_t yStride,
                        const float* bias) override {
        ++calls;
        const UnpackedInt4 parts = unpackInt4(weights);
        return quantscope::multiplyInt4(reference(), x, *PackedInt4Weights::pack(parts.source()), y, yStride,
                                        bias);
    }
    Status quantizeRows(const MatrixView& x, ActivationCodes kind, QuantizedRows& out,
                        const std::optional<StaticRange>& fixed) override {
        ++calls;
        return quantscope::quantizeRows(reference(), x, kind, out, fixed);
    }

    static const KernelTable& reference() { return *kernelTables().back(); }
    static PackedInt8Weights again(const PackedInt8Weights& weights) {
        const std::vector<int8_t> codes = unpackInt8(weights);
        return *PackedInt8Weights::pack(codes.data(), weights.outputs(), weights.inputs());
    }
};

struct DeviceTable {
    std::shared_ptr<CountingDevice> device = std::make_shared<CountingDevice>();
    KernelTable table = CountingDevice::reference();
    DeviceTable() { table.device = device; }
};

/// Bytes that no period of the packing repeats.
template <class T>
std::vector<T> pattern(int64_t count, int factor) {
    std::vector<T> values(static_cast<size_t>(count));
    for (size_t i = 0; i < values.size(); ++i)
        values[i] = static_cast<T>((i * static_cast<size_t>(factor) + i / 251) % 256);
    return values;
}

}  // namespace

void ChoiceTest::setSwitches() {
    const CpuFeatures all{.avx2 = true, .avxVnni = true, .avx512 = true, .avx512Vnni = true, .amxInt8 = true};
    const auto set = *KernelSet::open(all);
    const KernelsInUse inUse(*set);
    QCOMPARE(&inUse.table(), kernelTables().front());
    QVERIFY(set->choose("reference"));
    QCOMPARE(&inUse.table(), kernelTables().back());
    const auto choices = set->choices();
    QCOMPARE(choices.size(), kernelTables().size() + reportKernels(all, set->active()).accelerators.size());
    for (const auto& choice : choices) QCOMPARE(choice.active, choice.name == "reference");
    QCOMPARE(choices.back().name.substr(0, 4), std::string("cuda"));
    QVERIFY(set->choose(""));
    QCOMPARE(&inUse.table(), kernelTables().front());
}

void ChoiceTest::setErrors() {
    const auto set = *KernelSet::open({});
    for (const char* name : {"sse9", "cuda:", "cuda:x", "cuda:-1", "cuda:99999999999999999999", "cudax"}) {
        const auto status = set->choose(name);
        QVERIFY2(!status, name);
        QCOMPARE(status.error().field, std::string("QUANTSCOPE_KERNELS"));
        QCOMPARE(&set->active(), kernelTables().back());
    }
    QVERIFY(!KernelSet::open({}, "sse9"));
}

void ChoiceTest::gpuNeedsAGpu() {
    const auto set = *KernelSet::open({});
    const auto devices = listCudaDevices();
    const auto status = set->choose("cuda");
    QCOMPARE(status.has_value(), devices.has_value());
    if (status) {
        QCOMPARE(std::string(set->active().name), std::string("cuda"));
        QVERIFY(set->active().device != nullptr);
    } else {
        QCOMPARE(status.error().message, devices.error().message);
        QCOMPARE(&set->active(), kernelTables().back());
    }
    QVERIFY(!set->choose("cuda:64"));
}

void ChoiceTest::deviceTakesProducts() {
    for (const auto& [n, k] :
         {std::pair<int64_t, int64_t>{1, 1}, {16, 4}, {17, 5}, {33, 66}, {95, 130}, {64, 64}}) {
        constexpr int64_t kRows = 3;
        DeviceTable on;
        const auto x = pattern<int8_t>(kRows * k, 7);
        const auto w = pattern<int8_t>(n * k, 11);
        const auto packed = *PackedInt8Weights::pack(w.data(), n, k);
        QVERIFY(unpackInt8(packed) == w);
        const CodeView view = CodeView::of(x.data(), kRows, k);
        std::vector<int32_t> here(static_cast<size_t>(kRows * n));
        std::vector<int32_t> there(here.size());
        QVERIFY(multiplyInt8(CountingDevice::reference(), view, packed, here.data()));
        QVERIFY(multiplyInt8(on.table, view, packed, there.data()));
        QVERIFY(here == there);

        std::vector<float> rowScales(kRows, 0.5F);
        std::vector<float> columnScales(static_cast<size_t>(n), 0.25F);
        const Int8Dequantize how{rowScales.data(), columnScales.data()};
        std::vector<float> a(here.size());
        std::vector<float> b(here.size());
        QVERIFY(multiplyInt8(CountingDevice::reference(), view, packed, how, a.data()));
        QVERIFY(multiplyInt8(on.table, view, packed, how, b.data()));
        QVERIFY(a == b);

        QuantizedRows rowsHere;
        QuantizedRows rowsThere;
        const MatrixView floats{a.data(), kRows, n, n};
        QVERIFY(quantizeRows(CountingDevice::reference(), floats, ActivationCodes::AffineU8, rowsHere));
        QVERIFY(quantizeRows(on.table, floats, ActivationCodes::AffineU8, rowsThere));
        QVERIFY(rowsHere.codes == rowsThere.codes && rowsHere.zeros == rowsThere.zeros);
        QCOMPARE(on.device->calls, 3);

        for (const bool zeros : {false, true}) {
            auto codes = pattern<uint8_t>(n * k, 13);
            for (uint8_t& code : codes) code &= 15;
            const int64_t groups = (k + 31) / 32;
            auto zeroPoints = pattern<uint8_t>(n * groups, 5);
            for (uint8_t& zero : zeroPoints) zero &= 15;
            std::vector<float> scales(static_cast<size_t>(n * groups));
            for (size_t i = 0; i < scales.size(); ++i) scales[i] = 0.01F * static_cast<float>(i + 1);
            const auto four = *PackedInt4Weights::pack(
                {codes.data(), n, k, 32, scales.data(), zeros ? zeroPoints.data() : nullptr});
            const UnpackedInt4 parts = unpackInt4(four);
            QVERIFY(parts.codes == codes && parts.scales == scales);
            QVERIFY(parts.zeros == (zeros ? zeroPoints : std::vector<uint8_t>{}));
            const auto floatRows = pattern<uint8_t>(kRows * k, 3);
            const std::vector<float> xFloat(floatRows.begin(), floatRows.end());
            const MatrixView matrix{xFloat.data(), kRows, k, k};
            QVERIFY(multiplyInt4(CountingDevice::reference(), matrix, four, a.data()));
            QVERIFY(multiplyInt4(on.table, matrix, four, b.data()));
            QVERIFY(a == b);
        }
        QCOMPARE(on.device->calls, 5);
        // W4A8 is not a device's: the table's own kernel computes it.
        const auto four =
            *PackedInt4Weights::pack({std::vector<uint8_t>(static_cast<size_t>(n * k), 9).data(), n, k, 0,
                                      columnScales.data(), nullptr});
        QVERIFY(multiplyInt4(on.table, view, rowScales.data(), four, b.data()));
        QCOMPARE(on.device->calls, 5);
    }
}

void ChoiceTest::deviceErrorsReachTheCaller() {
    DeviceTable on;
    on.device->broken = true;
    const std::vector<int8_t> ones(16, 1);
    const auto packed = *PackedInt8Weights::pack(ones.data(), 4, 4);
    std::vector<int32_t> y(16, 7);
    const auto status = multiplyInt8(on.table, CodeView::of(ones.data(), 4, 4), packed, y.data());
    QVERIFY(!status);
    QCOMPARE(status.error().field, std::string("cuda"));
    // Shapes are checked before a device is asked.
    const auto shape = multiplyInt8(on.table, CodeView::of(ones.data(), 1, 3), packed, y.data());
    QVERIFY(!shape);
    QCOMPARE(shape.error().field, std::string("inputs"));
}

void ChoiceTest::copiesBelongToOneDevice() {
    CountingDevice first;
    CountingDevice second;
    DeviceCopy copy;
    QVERIFY(!copy.find(first));
    const auto sent = std::make_shared<const int>(1);
    copy.put(first, sent);
    QCOMPARE(copy.find(first).get(), static_cast<const void*>(sent.get()));
    QVERIFY(!copy.find(second));
    copy.put(second, std::make_shared<const int>(2));
    QVERIFY(!copy.find(first));
    QCOMPARE(sent.use_count(), 1L);
}

}  // namespace quantscope

QTEST_APPLESS_MAIN(quantscope::ChoiceTest)
#include "test_choice.moc"
