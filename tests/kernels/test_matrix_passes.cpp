// SPDX-License-Identifier: Apache-2.0
#include <QTest>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "base/parallel_for.h"
#include "kernel_rows.h"
#include "kernels/matrix_passes.h"
#include "quant/passes/reference.h"
#include "quant/quantized_tensor.h"

namespace quantscope {
namespace {

std::vector<float> weights(size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0, 0.1F);
    std::vector<float> values(count);
    for (float& v : values) v = normal(random);
    return values;
}

bool close(double a, double b) {
    return std::abs(a - b) <= 1e-11 * std::abs(b) + 1e-300;
}

}  // namespace

class MatrixPassesTest : public QObject {
    Q_OBJECT
 private slots:
    void initTestCase_data() { test::addTableRows(); }
    void schemes_data();
    void schemes();
    void streamed();
    void sameForAnyThreads();
    void signedExtremeTies();
    void errorsAreThePlainOnes();
    void cancelled();
    void empty();
};

void MatrixPassesTest::schemes_data() {
    QTest::addColumn<QString>("text");
    for (const char* text :
         {"int8", "int8/tensor", "int4/symmetric/full/channel", "int4/affine/group=32", "int4/affine/group=7",
          "int4/affine/group=64", "int3/affine/input-channel", "int4/affine/block=5x16", "int8/token",
          "preset=q4_0", "preset=q4_1", "preset=q8_0", "uint4/affine/group=1", "int4/stochastic/group=16",
          "int5/affine/mse/group=64"}) {
        QTest::newRow(text) << QString(text);
    }
}

/// Every pass on every layout against the plain functions of quant, on a consecutive matrix and on a part of
/// one.
void MatrixPassesTest::schemes() {
    QFETCH_GLOBAL(const KernelTable*, table);
    QFETCH(QString, text);
    const auto scheme = parseScheme(text.toStdString());
    QVERIFY2(scheme.has_value(), scheme ? "" : describe(scheme.error()).c_str());
    const ElementwiseKernels& kernels = table->elementwise;
    const std::vector<float> data = weights(67 * 131, 1);
    for (const MatrixView& view :
         {MatrixView{data.data(), 67, 128, 128}, MatrixView{data.data(), 66, 131, 131},
          MatrixView{data.data() + 3, 33, 100, 131}, MatrixView{data.data(), 1, 64, 64}}) {
        const auto groups = chooseGroupParams(view, *scheme, kernels);
        const auto expectedGroups = chooseGroupParams(view, *scheme);
        QVERIFY2(groups.has_value(), groups ? "" : describe(groups.error()).c_str());
        QVERIFY(*groups == *expectedGroups);
        const auto size = static_cast<size_t>(view.size());
        std::vector<float> fake(size);
        std::vector<int32_t> codes(size);
        QVERIFY(fakeQuantizeMatrix(view, *scheme, *groups, kernels, fake.data()));
        QVERIFY(encodeMatrix(view, *scheme, *groups, kernels, codes.data()));
        const auto split = errorSplitMatrix(view, *scheme, *groups, kernels);
        QVERIFY(split.has_value());
        const GroupLayout layout = GroupLayout::of(*scheme, view.rows, view.cols);
        ErrorSplit expected;
        for (int64_t r = 0; r < view.rows; ++r) {
            for (int64_t c = 0; c < view.cols; ++c) {
                QuantizeParams p =
                    quantizeParams(*scheme, (*groups)[static_cast<size_t>(layout.groupOf(r, c))]);
                p.firstElement = static_cast<uint64_t>(r * view.cols + c);
                const int32_t code = quantizeValue(view.at(r, c), p);
                QCOMPARE(codes[p.firstElement], code);
                QCOMPARE(fake[p.firstElement], dequantizeValue(code, p));
                const float value = view.at(r, c);
                expected.merge(splitError({&value, 1}, p));
            }
        }
        QCOMPARE(split->count, expected.count);
        QCOMPARE(split->clippedCount, expected.clippedCount);
        QCOMPARE(split->maxAbs, expected.maxAbs);
        QVERIFY(close(split->roundingSse, expected.roundingSse));
        QVERIFY(close(split->clippingSse, expected.clippingSse));
        QVERIFY(close(split->signalSse, expected.signalSse));
        QVERIFY(close(split->dotProduct, expected.dotProduct));
        QVERIFY(close(split->outputSse, expected.outputSse));
    }
}

/// Large enough for stores past the caches, and for several ranges.
void MatrixPassesTest::streamed() {
    QFETCH_GLOBAL(const KernelTable*, table);
    if (table->name == "reference") QSKIP("the reference stores one way only");
    const int64_t rows = 9001, cols = 1001;
    const std::vector<float> data = weights(static_cast<size_t>(rows * cols), 2);
    const MatrixView view{data.data(), rows, cols, cols};
    for (const char* text : {"int8/tensor", "int4/channel", "int4/affine/group=64"}) {
        const Scheme scheme = *parseScheme(text);
        const auto groups = chooseGroupParams(view, scheme, table->elementwise);
        std::vector<float> streamed(data.size());
        std::vector<float> inPlace = data;
        QVERIFY(fakeQuantizeMatrix(view, scheme, *groups, table->elementwise, streamed.data()));
        const MatrixView own{inPlace.data(), rows, cols, cols};
        QVERIFY(fakeQuantizeMatrix(own, scheme, *groups, table->elementwise, inPlace.data()));
        QVERIFY(streamed == inPlace);
        std::vector<float> both(data.size());
        const auto split = fakeQuantizeWithError(view, scheme, *groups, table->elementwise, both.data());
        QVERIFY(both == streamed);
        QVERIFY(*split == *errorSplitMatrix(view, scheme, *groups, table->elementwise));
    }
}

void MatrixPassesTest::sameForAnyThreads() {
    QFETCH_GLOBAL(const KernelTable*, table);
    const std::vector<float> data = weights(1500 * 700, 3);
    const MatrixView view{data.data(), 1500, 700, 700};
    const Scheme scheme = *parseScheme("int4/affine/group=64/stochastic");
    const int before = threadCount();
    std::vector<ErrorSplit> splits;
    std::vector<Extremes> extremes;
    std::vector<std::vector<uint64_t>> counts;
    for (const int threads : {1, 2, 8}) {
        limitThreadsOfCaller(threads);
        const auto groups = chooseGroupParams(view, scheme, table->elementwise);
        splits.push_back(*errorSplitMatrix(view, scheme, *groups, table->elementwise));
        extremes.push_back(*extremesMatrix(view, table->elementwise));
        counts.push_back(*histogramMatrix(view, -0.2F, 0.2F, 256, table->elementwise));
    }
    limitThreadsOfCaller(before);
    for (size_t i = 1; i < splits.size(); ++i) {
        QVERIFY(splits[i] == splits[0]);
        QCOMPARE(extremes[i].sumOfSquares, extremes[0].sumOfSquares);
        QVERIFY(counts[i] == counts[0]);
    }
    uint64_t total = 0;
    for (const uint64_t count : counts[0]) total += count;
    QCOMPARE(total, data.size());
}

void MatrixPassesTest::signedExtremeTies() {
    QFETCH_GLOBAL(const KernelTable*, table);
    const std::vector<float> data = {0.5F, -1, 1, 0, 1, -1, 0.5F, 0, -1, 0, 0, 1};
    const MatrixView view{data.data(), 3, 4, 4};
    Scheme scheme = *parseScheme("preset=q4_0");
    scheme.groupSize = 4;
    const auto groups = chooseGroupParams(view, scheme, table->elementwise);
    QVERIFY(*groups == *chooseGroupParams(view, scheme));
    QVERIFY((*groups)[0].scale > 0);
    QVERIFY((*groups)[1].scale < 0);
}

void MatrixPassesTest::errorsAreThePlainOnes() {
    QFETCH_GLOBAL(const KernelTable*, table);
    std::vector<float> data = weights(64 * 40, 4);
    const MatrixView view{data.data(), 40, 64, 64};
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        data[1234] = bad;
        for (const char* text :
             {"int8/tensor", "int4/affine/group=32", "int4/input-channel", "int8/block=3x3"}) {
            const Scheme scheme = *parseScheme(text);
            const auto fast = chooseGroupParams(view, scheme, table->elementwise);
            const auto plain = chooseGroupParams(view, scheme);
            QVERIFY(!fast && !plain);
            QCOMPARE(fast.error(), plain.error());
        }
    }
    QVERIFY(!chooseGroupParams(view, floatScheme(), table->elementwise));
}

void MatrixPassesTest::cancelled() {
    QFETCH_GLOBAL(const KernelTable*, table);
    const std::vector<float> data = weights(1 << 20, 5);
    const MatrixView view{data.data(), 1024, 1024, 1024};
    const Scheme scheme = *parseScheme("int8");
    const auto groups = chooseGroupParams(view, scheme, table->elementwise);
    std::stop_source stop;
    stop.request_stop();
    const Job job(stop.get_token());
    std::vector<float> dst(data.size(), 5);
    const Status status = fakeQuantizeMatrix(view, scheme, *groups, table->elementwise, dst.data(), job);
    QVERIFY(!status);
    QCOMPARE(status.error().kind, ErrorKind::Cancelled);
    QCOMPARE(dst.back(), 5.0F);
    QCOMPARE(errorSplitMatrix(view, scheme, *groups, table->elementwise, job).error().kind,
             ErrorKind::Cancelled);
    QCOMPARE(histogramMatrix(view, 0, 1, 8, table->elementwise, job).error().kind, ErrorKind::Cancelled);
    QCOMPARE(chooseGroupParams(view, scheme, table->elementwise, job).error().kind, ErrorKind::Cancelled);
}

void MatrixPassesTest::empty() {
    QFETCH_GLOBAL(const KernelTable*, table);
    const Scheme scheme = *parseScheme("int4/affine/group=64");
    for (const MatrixView& view : {MatrixView{nullptr, 0, 64, 64}, MatrixView{nullptr, 5, 0, 0}}) {
        const auto groups = chooseGroupParams(view, scheme, table->elementwise);
        QVERIFY(groups.has_value());
        QVERIFY(fakeQuantizeMatrix(view, scheme, *groups, table->elementwise, nullptr));
        QCOMPARE(errorSplitMatrix(view, scheme, *groups, table->elementwise)->count, 0);
        QCOMPARE(*histogramMatrix(view, 0, 1, 3, table->elementwise), (std::vector<uint64_t>{0, 0, 0}));
        QCOMPARE(extremesMatrix(view, table->elementwise)->count, 0);
    }
}

}  // namespace quantscope

QTEST_APPLESS_MAIN(quantscope::MatrixPassesTest)
#include "test_matrix_passes.moc"
