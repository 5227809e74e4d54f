// SPDX-License-Identifier: Apache-2.0
#include <QtTest>
#include <limits>
#include <map>

#include "analysis/tensor/tensor_experiment.h"
#include "base/cpu_features.h"
#include "base/parallel_for.h"
#include "naive_report.h"
#include "tensor/synthetic.h"

using namespace quantscope;

namespace {

Tensor laplace(int64_t rows, int64_t cols, uint64_t seed = 1) {
    SyntheticMatrix matrix;
    matrix.distribution = Distribution::Laplace;
    matrix.rows = rows;
    matrix.cols = cols;
    matrix.seed = seed;
    return generate(matrix).value();
}

const KernelTable& bestKernels() {
    return *chooseKernels(detectCpuFeatures()).value();
}

VariantReportOptions optionsFor(const MatrixView& matrix) {
    const TensorStage stage = analyzeTensor(matrix, Job()).value();
    VariantReportOptions options;
    options.axis = histogramAxis(stage, 64);
    return options;
}

/// Empty when the histogram counts `values` on its axis; values within a thousandth of a bin of an edge may
/// lie on either side.
std::string histogramDifference(const Histogram& histogram, const std::vector<float>& values) {
    const double low = static_cast<double>(histogram.low);
    std::vector<int64_t> sure(histogram.counts.size() + 2), unsure(histogram.counts.size() + 2);
    const double last = static_cast<double>(histogram.counts.size()) + 1;
    for (const float value : values) {
        const double position = (static_cast<double>(value) - low) / histogram.binWidth() + 1;
        const double bin = std::clamp(std::floor(position), 0.0, last);
        const double nearest = std::round(position);
        if (std::abs(position - nearest) < 2e-3 && nearest >= 1 && nearest <= last) {
            ++unsure[static_cast<size_t>(nearest)];
            ++unsure[static_cast<size_t>(nearest - 1)];
        } else {
            ++sure[static_cast<size_t>(bin)];
        }
    }
    if (histogram.total() != values.size()) return "total";
    for (size_t i = 0; i < sure.size(); ++i) {
        const uint64_t count = i == 0                 ? histogram.underflow
                               : i + 1 == sure.size() ? histogram.overflow
                                                      : histogram.counts[i - 1];
        const auto counted = static_cast<int64_t>(count);
        if (counted < sure[i] || counted > sure[i] + unsure[i]) return "bin " + std::to_string(i);
    }
    return {};
}

std::string differenceFrom(const VariantReport& report, const MatrixView& matrix) {
    const NaiveReport naive = naiveReport(matrix, report.quantization);
    std::string message = difference(report.errors.total, naive.total);
    if (message.empty()) message = difference(report.errors.outputChannels, naive.rows, "row");
    if (message.empty()) message = difference(report.errors.inputChannels, naive.cols, "column");
    if (message.empty()) message = difference(report.errors.groups, naive.groups, "group");
    if (message.empty()) message = difference(sumOf(report.errors.groups), naive.total);
    if (message.empty()) message = difference(sumOf(report.errors.inputChannels), naive.total);
    if (!message.empty()) return message;
    std::map<int32_t, uint64_t> counts;
    for (const int32_t code : naive.codes) ++counts[code];
    for (size_t i = 0; i < report.codes.counts.size(); ++i)
        if (report.codes.counts[i] != counts[report.codes.codeMin + static_cast<int32_t>(i)])
            return "code counts";
    message = histogramDifference(report.dequantized, naive.values);
    if (!message.empty()) return "dequantized " + message;
    std::vector<float> errors;
    for (int64_t i = 0; i < matrix.rows; ++i)
        for (int64_t j = 0; j < matrix.cols; ++j)
            errors.push_back(matrix.at(i, j) - naive.values[static_cast<size_t>(i * matrix.cols + j)]);
    message = histogramDifference(report.error, errors);
    return message.empty() ? message : "error " + message;
}

}  // namespace

class TestVariantReport : public QObject {
    Q_OBJECT

 private slots:
    void initTestCase_data() {
        QTest::addColumn<int>("table");
        for (size_t i = 0; i < kernelTables().size(); ++i)
            QTest::newRow(std::string(kernelTables()[i]->name).c_str()) << static_cast<int>(i);
    }

    void agreesWithElementByElement_data() {
        QTest::addColumn<QString>("scheme");
        QTest::addColumn<qint64>("rows");
        QTest::addColumn<qint64>("cols");
        for (const char* scheme :
             {"int8", "int8/tensor", "int4/channel", "int4/affine/group=64", "int4/affine/group=7",
              "int3/group=64", "int2/affine/tensor", "int8/affine/input-channel", "int4/block=16x24",
              "int4/tensor/percentile=5,95", "int4/channel/manual=-0.5,1.5", "preset=q4_0", "preset=q4_1",
              "preset=q8_0", "preset=gptq", "int4/group=32/stochastic", "int4/affine/group=1", "int16/tensor",
              "uint8/affine/tensor"})
            for (const auto& [rows, cols] :
                 {std::pair(1, 1), std::pair(3, 5), std::pair(37, 600), std::pair(70, 130)})
                QTest::addRow("%s %dx%d", scheme, rows, cols) << scheme << qint64{rows} << qint64{cols};
    }
    void agreesWithElementByElement() {
        QFETCH_GLOBAL(int, table);
        QFETCH(QString, scheme);
        QFETCH(qint64, rows);
        QFETCH(qint64, cols);
        const KernelTable& kernels = *kernelTables()[static_cast<size_t>(table)];
        if (!detectCpuFeatures().covers(kernels.required)) QSKIP("this machine lacks the instructions");
        const auto parsed = parseScheme(scheme.toStdString());
        QVERIFY2(parsed, parsed ? "" : describe(parsed.error()).c_str());
        const Tensor tensor = laplace(rows, cols);
        const MatrixView matrix = tensor.matrix();
        auto quantization = chooseQuantization(matrix, *parsed, kernels, Job());
        QVERIFY2(quantization, quantization ? "" : describe(quantization.error()).c_str());
        const auto report = variantReport(matrix, *quantization, optionsFor(matrix), kernels, Job());
        QVERIFY(report);
        const std::string message = differenceFrom(*report, matrix);
        QVERIFY2(message.empty(), message.c_str());
        const std::string split = difference(errorReport(matrix, *quantization, kernels, Job()).value().total,
                                             report->errors.total);
        QVERIFY2(split.empty(), split.c_str());
    }

    void givenCodesGiveTheSame() {
        QFETCH_GLOBAL(int, table);
        const KernelTable& kernels = *kernelTables()[static_cast<size_t>(table)];
        if (!detectCpuFeatures().covers(kernels.required)) QSKIP("this machine lacks the instructions");
        const Tensor tensor = laplace(33, 70);
        const auto quantized = std::make_shared<const QuantizedTensor>(
            quantize(tensor, parseScheme("int4/group=16").value()).value());
        const auto report = variantReport(tensor.matrix(), quantizationOf(quantized),
                                          optionsFor(tensor.matrix()), kernels, Job());
        const std::string message = differenceFrom(report.value(), tensor.matrix());
        QVERIFY2(message.empty(), message.c_str());
        const auto fresh = chooseQuantization(tensor.matrix(), quantized->scheme(), kernels, Job()).value();
        const auto again =
            variantReport(tensor.matrix(), fresh, optionsFor(tensor.matrix()), kernels, Job()).value();
        QVERIFY(again.codes == report->codes);
    }

    void threadsAndStridesDoNotMatter() {
        const Tensor tensor = laplace(300, 700);
        std::vector<float> padded(300 * 777, 1e9F);
        for (int64_t i = 0; i < 300; ++i)
            std::copy_n(tensor.matrix().row(i), 700, padded.begin() + static_cast<std::ptrdiff_t>(i * 777));
        const MatrixView view{padded.data(), 300, 700, 777};
        const VariantReportOptions options = optionsFor(view);
        const auto run = [&](const MatrixView& matrix, int threads) {
            limitThreadsOfCaller(threads);
            const auto chosen =
                chooseQuantization(matrix, parseScheme("int4/affine/group=64").value(), bestKernels(), Job());
            auto report = variantReport(matrix, chosen.value(), options, bestKernels(), Job()).value();
            limitThreadsOfCaller(availableCores());
            return report;
        };
        const VariantReport one = run(view, 1);
        for (const VariantReport& other : {run(view, 2), run(view, 5), run(tensor.matrix(), 2)}) {
            QVERIFY(one.errors.total == other.errors.total);
            QVERIFY(one.errors.inputChannels == other.errors.inputChannels);
            QVERIFY(one.errors.groups == other.errors.groups);
            QVERIFY(one.dequantized == other.dequantized && one.error == other.error &&
                    one.codes == other.codes);
        }
    }

    void floatReferenceHasNoError() {
        const Tensor tensor = laplace(50, 60);
        const auto chosen = chooseQuantization(tensor.matrix(), floatScheme(), bestKernels(), Job()).value();
        const auto report =
            variantReport(tensor.matrix(), chosen, optionsFor(tensor.matrix()), bestKernels(), Job()).value();
        QCOMPARE(report.metrics.mse, 0.0);
        QCOMPARE(report.metrics.cosine, 1.0);
        QVERIFY(std::isinf(report.metrics.sqnrDb));
        QCOMPARE(report.metrics.bitsPerWeight, 32.0);
        QCOMPARE(report.dequantized.total(), uint64_t{3000});
        QCOMPARE(report.dequantized.underflow + report.dequantized.overflow, uint64_t{0});
        QVERIFY(report.codes.counts.empty());
    }

    void oddMatrices_data() {
        QTest::addColumn<std::vector<float>>("values");
        QTest::addColumn<qint64>("rows");
        QTest::addColumn<double>("mse");
        QTest::newRow("empty") << std::vector<float>{} << 0LL << 0.0;
        QTest::newRow("zeros") << std::vector<float>(24, 0.0F) << 3LL << 0.0;
        QTest::newRow("constant") << std::vector<float>(24, 2.0F) << 3LL << 0.0;
        QTest::newRow("one element") << std::vector<float>{-7.0F} << 1LL << 0.0;
    }
    void oddMatrices() {
        QFETCH(std::vector<float>, values);
        QFETCH(qint64, rows);
        QFETCH(double, mse);
        const int64_t cols = rows == 0 ? 0 : static_cast<int64_t>(values.size()) / rows;
        const MatrixView matrix{values.data(), rows, cols, cols};
        const auto chosen =
            chooseQuantization(matrix, parseScheme("int8/tensor").value(), bestKernels(), Job());
        QVERIFY(chosen);
        const auto report = variantReport(matrix, *chosen, optionsFor(matrix), bestKernels(), Job());
        QVERIFY(report);
        QCOMPARE(report->errors.total.count, static_cast<int64_t>(values.size()));
        QVERIFY(std::abs(report->metrics.mse - mse) < 1e-12);
        QVERIFY(std::isfinite(report->metrics.relativeFrobenius));
    }

    void nanIsReportedNotComputed() {
        std::vector<float> values(12, 1.0F);
        values[7] = std::numeric_limits<float>::quiet_NaN();
        const MatrixView matrix{values.data(), 3, 4, 4};
        const auto chosen = chooseQuantization(matrix, parseScheme("int8").value(), bestKernels(), Job());
        QVERIFY(!chosen);
        QCOMPARE(chosen.error().kind, ErrorKind::InvalidArgument);
        const TensorStage stage = analyzeTensor(matrix, Job()).value();
        QCOMPARE(stage.report.firstBadRow, int64_t{1});
        QCOMPARE(stage.report.firstBadCol, int64_t{3});
        QCOMPARE(stage.report.moments.nanCount, int64_t{1});
    }

    void stopsWhenAsked() {
        const Tensor tensor = laplace(2000, 1024);
        const auto chosen =
            chooseQuantization(tensor.matrix(), parseScheme("int4/group=64").value(), bestKernels(), Job())
                .value();
        std::stop_source stop;
        stop.request_stop();
        const auto report = variantReport(tensor.matrix(), chosen, {}, bestKernels(), Job(stop.get_token()));
        QVERIFY(!report);
        QCOMPARE(report.error().kind, ErrorKind::Cancelled);
    }

    void sampleKeepsTheRangeOfTheWhole() {
        std::vector<float> values(4000 * 100, 0.5F);
        values[1234] = -77;
        const MatrixView matrix{values.data(), 4000, 100, 100};
        const TensorStage stage = analyzeTensor(matrix, Job()).value();
        const MatrixSample sample = sampleMatrix(matrix, {10000, 1, 1});
        const Scheme scheme = parseScheme("int8/tensor").value();
        const auto part = chooseQuantization(sample.view, scheme, bestKernels(), Job(),
                                             {&stage.report.extremes, true, false})
                              .value();
        const auto whole = chooseQuantization(matrix, scheme, bestKernels(), Job()).value();
        QVERIFY(part.groups == whole.groups);
    }

    void knownExtremesGiveTheSameGroups_data() {
        QTest::addColumn<QString>("scheme");
        for (const char* scheme :
             {"int4/affine/tensor", "int4/symmetric/tensor", "int4/tensor/signed-extreme",
              "int4/affine/tensor/manual=-0.5,0.25", "int4/affine/group=16/manual=-0.5,0.25",
              "int4/affine/tensor/percentile=1,99", "int4/affine/group=16", "int4/channel"})
            QTest::newRow(scheme) << scheme;
    }
    /// What is known saves a reading of the matrix and changes nothing.
    void knownExtremesGiveTheSameGroups() {
        QFETCH(QString, scheme);
        const Tensor tensor = laplace(70, 96);
        const TensorStage stage = analyzeTensor(tensor.matrix(), Job()).value();
        const Scheme parsed = parseScheme(scheme.toStdString()).value();
        const auto plain = chooseQuantization(tensor.matrix(), parsed, bestKernels(), Job()).value();
        const auto known = chooseQuantization(tensor.matrix(), parsed, bestKernels(), Job(),
                                              {&stage.report.extremes, false, true})
                               .value();
        QVERIFY(known.groups == plain.groups);
    }
    void knownExtremesDoNotHideNan() {
        const Tensor tensor = laplace(8, 16);
        std::vector<float> values(tensor.floats().begin(), tensor.floats().end());
        values[37] = std::numeric_limits<float>::quiet_NaN();
        const MatrixView matrix{values.data(), 8, 16, 16};
        const TensorStage stage = analyzeTensor(matrix, Job()).value();
        QCOMPARE(stage.report.firstBadRow, int64_t{2});
        const KnownMatrix known{&stage.report.extremes, false, stage.report.firstBadRow < 0};
        for (const char* scheme : {"int4/affine/tensor", "int4/affine/group=16/manual=-0.5,0.25"})
            QVERIFY(!chooseQuantization(matrix, parseScheme(scheme).value(), bestKernels(), Job(), known));
    }

    void marksAreTheGridOfAGroup() {
        const std::vector<float> values{-1, 0, 3, 2, -8, 4};
        const MatrixView matrix{values.data(), 2, 3, 3};
        const auto chosen =
            chooseQuantization(matrix, parseScheme("int3/channel").value(), bestKernels(), Job()).value();
        const GridMarks marks = gridMarks(chosen, 0);
        QVERIFY((marks.levels == std::vector<float>{-3, -2, -1, 0, 1, 2, 3}));
        QCOMPARE(marks.clipLow, -3.0F);
        QCOMPARE(marks.clipHigh, 3.0F);
        QVERIFY(!marks.wholeTensor);
        QCOMPARE(gridMarks(chosen, 1).clipLow, -8.0F);
    }

    void metricsByHand() {
        // r = 3, 4; r^ = 3, 3 (clipped): errors 0 and 1.
        ErrorSplit split;
        addElement(split, 3, 3, false);
        addElement(split, 4, 3, true);
        const Metrics m = metricsOf(split, CodeHistogram{0, {0, 1, 3, 0}}, 4.5);
        QCOMPARE(m.mse, 0.5);
        QCOMPARE(m.clippingMse, 0.5);
        QCOMPARE(m.roundingMse, 0.0);
        QCOMPARE(m.rmse, std::sqrt(0.5));
        QCOMPARE(m.sqnrDb, 10 * std::log10(25.0));
        QCOMPARE(m.maxAbs, 1.0);
        QCOMPARE(m.cosine, 21 / std::sqrt(25.0 * 18));
        QCOMPARE(m.relativeFrobenius, 0.2);
        QCOMPARE(m.clippedShare, 0.5);
        QCOMPARE(m.codeUse, 0.5);
        QCOMPARE(m.codeEntropyBits, 2 - 0.75 * std::log2(3.0));
        QCOMPARE(m.bitsPerWeight, 4.5);
        for (const TensorMetricInfo& info : tensorMetricInfos())
            QVERIFY(!info.help.empty() && info.member != nullptr);
    }
};

QTEST_APPLESS_MAIN(TestVariantReport)
#include "test_variant_report.moc"
