// SPDX-License-Identifier: Apache-2.0
#include <QtTest>
#include <cmath>
#include <map>
#include <set>

#include "analysis/tensor/element_arithmetic.h"
#include "analysis/tensor/heatmap.h"
#include "analysis/tensor/tensor_experiment.h"
#include "base/cpu_features.h"
#include "base/parallel_for.h"
#include "methods/interface/method.h"
#include "methods/interface/quantize_layer.h"
#include "methods/registry.h"
#include "naive_report.h"
#include "tensor/synthetic.h"

using namespace quantscope;

namespace {

constexpr int64_t kRows = 24;
constexpr int64_t kCols = 256;

Tensor normal(int64_t rows, int64_t cols, uint64_t seed) {
    SyntheticMatrix matrix;
    matrix.rows = rows;
    matrix.cols = cols;
    matrix.seed = seed;
    return generate(matrix).value();
}

const KernelTable& bestKernels() {
    return *chooseKernels(detectCpuFeatures()).value();
}

LayerInput layer() {
    CalibrationCollector collector(kCols, {true, 256, 0});
    const Tensor tokens = normal(300, kCols, 5);
    collector.add(tokens.matrix());
    return {"layer", normal(kRows, kCols, 3),
            std::make_shared<const CalibrationStatistics>(collector.finish())};
}

Recipe recipeOf(const QString& text) {
    return parseVariant(text.toStdString()).value().weights;
}

MatrixQuantization quantized(const LayerInput& input, const Recipe& recipe, Tensor* values = nullptr) {
    auto result = quantizeLayer(input, recipe, {});
    if (!result) qFatal("%s", result.error().message.c_str());
    if (values != nullptr) *values = result->floats();
    return quantizationOf(std::make_shared<const LayerResult>(std::move(*result)), input.weight, recipe);
}

VariantReport reportOf(const Tensor& weight, MatrixQuantization quantization) {
    VariantReportOptions options;
    options.axis = histogramAxis(analyzeTensor(weight.matrix(), Job()).value(), 64);
    return variantReport(weight.matrix(), std::move(quantization), options, bestKernels(), Job()).value();
}

}  // namespace

class TestStoredReport : public QObject {
    Q_OBJECT
 private Q_SLOTS:
    /// Whatever a method stores: the report is of exactly its values.
    void everyMethodIsMeasured_data() {
        QTest::addColumn<QString>("text");
        QTest::addColumn<bool>("codes");
        const std::set<std::string> without{"quip-sharp", "aqlm",      "pq",    "salient",
                                            "hadamard",   "magnitude", "wanda", "sparsegpt"};
        for (const Method* method : allMethods()) {
            const std::string& name = method->info().name;
            QTest::newRow(name.c_str())
                << QString::fromStdString(name == "rtn" ? "int4/group=64" : name) << !without.contains(name);
        }
        QTest::newRow("gptq act order") << "gptq/int3/group=64/act-order" << true;
        QTest::newRow("k-means of the tensor") << "kmeans/int3/tensor" << true;
        QTest::newRow("fp8 blocks") << "fp8/scale=block" << true;
        QTest::newRow("fp8 e5m2") << "fp8/element=e5m2/scale=tensor" << true;
        QTest::newRow("mxfp6 e3m2") << "mxfp6/element=e3m2" << true;
        QTest::newRow("nf4 across channels") << "nf4/block=96/double" << true;
        QTest::newRow("q4_k by importance") << "q4_k/imatrix" << true;
        QTest::newRow("pruned and rounded") << "wanda/int4/group=64" << false;
    }
    void everyMethodIsMeasured() {
        QFETCH(QString, text);
        QFETCH(bool, codes);
        const LayerInput input = layer();
        Tensor values;
        MatrixQuantization quantization = quantized(input, recipeOf(text), &values);
        QCOMPARE(quantization.hasCodes(), codes);
        const auto stored = quantization.stored;
        if (!codes) QVERIFY(!stored->whyNoCodes.empty());
        const VariantReport report = reportOf(input.weight, std::move(quantization));
        double sse = 0;
        double worst = 0;
        for (size_t i = 0; i < values.floats().size(); ++i) {
            const double error = static_cast<double>(input.weight.floats()[i] - values.floats()[i]);
            sse += error * error;
            worst = std::max(worst, std::abs(error));
        }
        const ErrorSplit& total = report.errors.total;
        QVERIFY2(nearly(total.totalSse(), sse, 1e-9), qPrintable(QString::number(total.totalSse() / sse)));
        QCOMPARE(static_cast<double>(total.maxAbs), worst);
        QCOMPARE(total.count, kRows * kCols);
        for (const auto* parts : {&report.errors.outputChannels, &report.errors.inputChannels}) {
            ErrorSplit sum;
            for (const ErrorSplit& part : *parts) sum.merge(part);
            QCOMPARE(sum.clippedCount, total.clippedCount);
            QVERIFY(nearly(sum.totalSse(), sse, 1e-6));
        }
        QCOMPARE(report.dequantized.total(), uint64_t{kRows * kCols});
        QCOMPARE(report.error.total(), uint64_t{kRows * kCols});
        QCOMPARE(std::isnan(report.metrics.clippedShare), !codes);
        QCOMPARE(std::isnan(report.metrics.codeUse), !codes);
        QCOMPARE(report.codes.counts.empty(), !codes);
        if (!codes) QCOMPARE(total.clippingSse, 0.0);
    }

    /// Within a group, codes and values name each other, and every value lies in the group's range.
    void codesStandForValues_data() {
        QTest::addColumn<QString>("text");
        for (const char* text : {"kmeans/int4",
                                 "kmeans/int2/tensor",
                                 "nf4",
                                 "nf4/block=96",
                                 "nf4/double",
                                 "fp4",
                                 "fp8",
                                 "fp8/scale=block",
                                 "fp8/element=e5m2",
                                 "mxfp8",
                                 "mxfp6",
                                 "mxfp6/element=e3m2",
                                 "mxfp4",
                                 "mxfp4/exponent=ceil",
                                 "nvfp4",
                                 "q6_k",
                                 "q5_k",
                                 "q4_k",
                                 "q3_k",
                                 "q2_k",
                                 "iq4_nl",
                                 "gptq/int3/group=64/act-order",
                                 "awq/int4/group=64",
                                 "smoothquant/int8/channel"})
            QTest::newRow(text) << text;
    }
    void codesStandForValues() {
        QFETCH(QString, text);
        const LayerInput input = layer();
        const MatrixQuantization quantization = quantized(input, recipeOf(text));
        QVERIFY(quantization.stored && quantization.stored->codes);
        const StoredCodes& codes = *quantization.stored->codes;
        const MatrixView values = quantization.stored->values.matrix();
        std::map<std::pair<int64_t, int32_t>, double> valueOf;
        std::map<std::pair<int64_t, double>, int32_t> codeOf;
        for (int64_t r = 0; r < kRows; ++r)
            for (int64_t c = 0; c < kCols; ++c) {
                const int32_t code = codes.code(r, c);
                QVERIFY(code >= codes.codeMin && code <= codes.codeMax);
                // Two channels of a group have different values for a code when their divisors differ.
                double value = static_cast<double>(values.at(r, c));
                if (!codes.divisor.empty())
                    value = std::round(value * static_cast<double>(codes.divisor[size_t(c)]) * 1e5) / 1e5;
                const int64_t group = codes.groupOf(r, c);
                QVERIFY(std::abs(valueOf.try_emplace({group, code}, value).first->second - value) < 1e-4);
                if (codes.divisor.empty())
                    QCOMPARE(codeOf.try_emplace({group, value}, code).first->second, code);
                const ValueRange range = codes.rangeAt(r, c);
                const float slack = 1e-6F * (range.high - range.low);
                QVERIFY(values.at(r, c) >= range.low - slack && values.at(r, c) <= range.high + slack);
            }
        QVERIFY(std::is_sorted(codes.levels.begin(), codes.levels.end()));
        for (int64_t r = 0; r < kRows; ++r)
            for (int64_t c = 0; c < kCols && codes.divisor.empty(); ++c) {
                if (codes.groupOf(r, c) != codes.shownGroup) continue;
                const float value = values.at(r, c);
                const bool known = std::any_of(codes.levels.begin(), codes.levels.end(), [&](float level) {
                    return std::abs(level - value) <= 1e-5F * std::abs(codes.levels.front());
                });
                QVERIFY(known);
            }
    }

    /// MXFP4's power of two leaves elements outside the range: the split says so.
    void clippingIsSeenWhereARangeExists() {
        const LayerInput input = layer();
        const VariantReport report = reportOf(input.weight, quantized(input, recipeOf("mxfp4")));
        QVERIFY(report.errors.total.clippedCount > 0);
        QVERIFY(report.errors.total.clippingSse > 0);
        const VariantReport up = reportOf(input.weight, quantized(input, recipeOf("mxfp4/exponent=ceil")));
        QCOMPARE(up.errors.total.clippedCount, int64_t{0});
    }

    void picturesOfStoredWeights() {
        const LayerInput input = layer();
        const MatrixView matrix = input.weight.matrix();
        const auto mapsOf = [&](const MatrixQuantization& quantization) {
            return heatMaps(matrix, quantization, {}, Pooling::MaxAbs, bestKernels(), Job()).value();
        };
        const MatrixQuantization q2k = quantized(input, recipeOf("q2_k"));
        const HeatMapSet blocks = mapsOf(q2k);
        QCOMPARE(blocks.codes.values.size(), size_t{kRows * kCols});
        QCOMPARE(blocks.codes.maximum, 3.0F);
        QCOMPARE(blocks.codes.at(2, 7), static_cast<float>(q2k.stored->codes->code(2, 7)));
        QCOMPARE(blocks.dequantized.at(2, 7), q2k.stored->values.matrix().at(2, 7));
        QCOMPARE(blocks.error.at(2, 7), matrix.at(2, 7) - q2k.stored->values.matrix().at(2, 7));
        const HeatMapSet pruned = mapsOf(quantized(input, recipeOf("magnitude")));
        QVERIFY(pruned.codes.values.empty());
        QCOMPARE(pruned.dequantized.values.size(), size_t{kRows * kCols});
        const ElementArithmetic element = elementAt(matrix, q2k, 2, 7);
        QCOMPARE(element.q, q2k.stored->codes->code(2, 7));
        QVERIFY(sentence(element, q2k).find("code in its block of Q2_K") != std::string::npos);
    }

    void sumsDoNotDependOnThreads() {
        const LayerInput input = layer();
        const MatrixQuantization quantization = quantized(input, recipeOf("nf4"));
        limitThreadsOfCaller(1);
        const VariantReport one = reportOf(input.weight, quantization);
        limitThreadsOfCaller(4);
        const VariantReport four = reportOf(input.weight, quantization);
        limitThreadsOfCaller(availableCores());
        QVERIFY(one.errors.total == four.errors.total);
        QVERIFY(one.error.counts == four.error.counts);
    }

    void stops() {
        const LayerInput input = layer();
        std::stop_source stop;
        stop.request_stop();
        const auto report = variantReport(input.weight.matrix(), quantized(input, recipeOf("nf4")), {},
                                          bestKernels(), Job(stop.get_token()));
        QVERIFY(!report && report.error().kind == ErrorKind::Cancelled);
    }
};

QTEST_APPLESS_MAIN(TestStoredReport)
#include "test_stored_report.moc"
