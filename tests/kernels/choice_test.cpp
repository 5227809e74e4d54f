// SPDX-License-Identifier: Apache-2.0
#include <QTest>

#include "kernel_rows.h"
#include "kernels/cuda/cuda_backend.h"

namespace quantscope {

class ChoiceTest : public QObject {
    Q_OBJECT
 private slots:
    void bestThatRuns();
    void overrides();
    void overrideErrors();
    void tablesAreComplete();
    void report();
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
    QCOMPARE(asked.tables.back().reason, std::string("asked for by QUANTSCOPE_KERNELS"));
}

}  // namespace quantscope

QTEST_APPLESS_MAIN(quantscope::ChoiceTest)
#include "choice_test.moc"
