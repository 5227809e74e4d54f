// SPDX-License-Identifier: Apache-2.0
#include <QProcess>
#include <QtTest>
#include <cmath>

#include "numerics/instruction_sets.h"
#include "numerics/lanes.h"
#include "numerics/nearest_even.h"

using namespace quantscope;

namespace {

using Sets = std::vector<InstructionSet>;

constexpr auto kVariable = "QUANTSCOPE_KERNELS";

template <int Bytes>
struct RoundLoop {
    [[gnu::always_inline]] static inline void run(const float* from, int* to) {
        using V = Lanes<Bytes>;
        V::store(V::nearest(V::load(from)), to);
    }
};

}  // namespace

/// Which instruction sets quantizers and methods use, and the rounding that all their loops share.
class TestNumericsInstructionSets : public QObject {
    Q_OBJECT
 private slots:
    void kernelsLimitTheSets_data();
    void kernelsLimitTheSets();
    void theVariableRulesThisProcess();
    void theVariableRulesAProcess_data();
    void theVariableRulesAProcess();
    void roundsHalfToEven_data();
    void roundsHalfToEven();
    void lanesRoundAsOneValue();
};

void TestNumericsInstructionSets::kernelsLimitTheSets_data() {
    QTest::addColumn<QString>("kernels");
    QTest::addColumn<int>("widest");
    const auto row = [](const char* name, InstructionSet set) {
        QTest::newRow(name) << QString::fromLatin1(name) << static_cast<int>(set);
    };
    row("", InstructionSet::Avx512);
    row("reference", InstructionSet::Baseline);
    row("avx2", InstructionSet::Avx2);
    row("avxvnni", InstructionSet::Avx2);
    row("avx512", InstructionSet::Avx512);
    row("amx", InstructionSet::Avx512);
    row("cuda:1", InstructionSet::Avx512);
}

void TestNumericsInstructionSets::kernelsLimitTheSets() {
#if defined(__x86_64__) && defined(__GNUC__)
    QFETCH(QString, kernels);
    QFETCH(int, widest);
    const std::string name = kernels.toStdString();
    QCOMPARE(static_cast<int>(widestSetOf(name)), widest);
    Sets expected{InstructionSet::Avx512, InstructionSet::Avx2, InstructionSet::Baseline};
    std::erase_if(expected, [&](InstructionSet set) { return static_cast<int>(set) > widest; });
    QCOMPARE(instructionSetsOf({.avx2 = true, .avx512 = true}, name), expected);
    QCOMPARE(instructionSetsOf({}, name), Sets{InstructionSet::Baseline});
    std::erase(expected, InstructionSet::Avx512);
    QCOMPARE(instructionSetsOf({.avx2 = true}, name), expected);
#else
    QSKIP("this processor has one instruction set");
#endif
}

void TestNumericsInstructionSets::theVariableRulesThisProcess() {
    const std::string kernels = qEnvironmentVariable(kVariable).toStdString();
    QCOMPARE(instructionSets(), instructionSetsOf(detectCpuFeatures(), kernels));
    QCOMPARE(bestInstructionSet(), instructionSets().front());
    if (kernels == "reference") QCOMPARE(nameOf(bestInstructionSet()), std::string_view("baseline"));
}

void TestNumericsInstructionSets::theVariableRulesAProcess_data() {
    QTest::addColumn<QString>("kernels");
    for (const char* name : {"reference", "avx2"}) QTest::newRow(name) << QString::fromLatin1(name);
}

void TestNumericsInstructionSets::theVariableRulesAProcess() {
    QFETCH(QString, kernels);
    QProcess process;
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert(kVariable, kernels);
    process.setProcessEnvironment(environment);
    process.start(QCoreApplication::applicationFilePath(), {"theVariableRulesThisProcess"});
    QVERIFY(process.waitForFinished());
    QVERIFY2(process.exitCode() == 0, process.readAll().constData());
}

void TestNumericsInstructionSets::roundsHalfToEven_data() {
    QTest::addColumn<float>("x");
    for (const float x :
         {0.0F, 0.5F, -0.5F, 1.5F, 2.5F, -2.5F, 0.49999997F, 1000.5F, 4194303.5F, -4194303.0F})
        QTest::addRow("%.9g", static_cast<double>(x)) << x;
}

void TestNumericsInstructionSets::roundsHalfToEven() {
    QFETCH(float, x);
    QCOMPARE(roundHalfEven(x), std::nearbyint(x));
    QCOMPARE(nearestInteger(x), static_cast<int>(std::nearbyint(x)));
    QCOMPARE(nearestInteger(x, -2, 3), static_cast<int>(std::clamp(std::nearbyint(x), -2.0F, 3.0F)));
    QCOMPARE(nearestEven(x), std::clamp(std::nearbyint(x), -0x1p20F, 0x1p20F));
    QCOMPARE(nearestEven(x * 1e30F), std::clamp(x * 1e30F, -0x1p20F, 0x1p20F));
}

void TestNumericsInstructionSets::lanesRoundAsOneValue() {
    const std::array<float, 16> from{0.5F,  1.5F, 2.5F,  -0.5F, -1.5F, -2.5F, 3.2F,  -3.7F,
                                     99.5F, 0.0F, 1e-9F, 7.49F, 7.5F,  8.5F,  -8.5F, 1023.5F};
    for (const InstructionSet set : instructionSets()) {
        std::array<int, 16> to{};
        for (size_t i = 0; i < from.size(); i += 4)
            runWith<RoundLoop<16>>(set, from.data() + i, to.data() + i);
        for (size_t i = 0; i < from.size(); ++i) QCOMPARE(to[i], nearestInteger(from[i]));
    }
}

QTEST_GUILESS_MAIN(TestNumericsInstructionSets)
#include "test_instruction_sets.moc"
