// SPDX-License-Identifier: Apache-2.0
#include <QtTest>
#include <array>
#include <cmath>

#include "analysis/layers/layer_insides.h"
#include "analysis/layers/layer_table.h"
#include "analysis/layers/method_comparison.h"
#include "analysis/layers/outliers.h"
#include "analysis/layers/sizes.h"
#include "analysis/tensor/synthetic_sources.h"
#include "base/cpu_features.h"
#include "naive_report.h"

using namespace quantscope;

namespace {

/// A layer with 100 tokens and 4 channels; `large[c]` of its tokens reach 7 in channel c.
ActivationStatistics layer(const std::string& name, const std::vector<int>& large, const std::string& family,
                           bool repeatsInput = false) {
    std::vector<float> values(100 * large.size(), 0.5F);
    for (size_t c = 0; c < large.size(); ++c)
        for (size_t t = 0; t < static_cast<size_t>(large[c]); ++t)
            values[t * large.size() + c] = t % 2 == 0 ? 7 : -7;
    ActivationStatistics statistics;
    statistics.layer = name;
    statistics.family = family;
    statistics.repeatsInput = repeatsInput;
    const auto cols = static_cast<int64_t>(large.size());
    // In two windows, as a capture would.
    statistics.add(MatrixView{values.data(), 60, cols, cols});
    statistics.add(MatrixView{values.data() + 60 * cols, 40, cols, cols});
    return statistics;
}

}  // namespace

class TestTables : public QObject {
    Q_OBJECT

 private slots:
    void paretoFront_data() {
        using Points = std::vector<std::pair<double, double>>;
        QTest::addColumn<Points>("points");
        QTest::addColumn<std::vector<size_t>>("front");
        const double nan = std::nan("");
        using Front = std::vector<size_t>;
        QTest::newRow("none") << Points{} << Front{};
        QTest::newRow("one") << Points{{4, 5}} << Front{0};
        QTest::newRow("worse at the same cost") << Points{{2, 9}, {4, 5}, {4, 6}, {8, 5}} << Front{0, 1};
        QTest::newRow("any order") << Points{{16, 1}, {4, 5}, {8, 2}, {6, 5.5}} << Front{1, 2, 0};
        QTest::newRow("equal points") << Points{{4, 5}, {4, 5}} << Front{0};
        QTest::newRow("cheap and best") << Points{{8, 3}, {2, 1}, {4, 2}} << Front{1};
        QTest::newRow("not finite") << Points{{2, nan}, {nan, 1}, {3, HUGE_VAL}, {4, 5}} << Front{3};
    }
    void paretoFront() {
        using Points = std::vector<std::pair<double, double>>;
        QFETCH(Points, points);
        QFETCH(std::vector<size_t>, front);
        std::vector<TradeOff> tradeOffs;
        for (const auto& [cost, loss] : points) tradeOffs.push_back({cost, loss});
        QCOMPARE(quantscope::paretoFront(tradeOffs), front);
    }

    void variantsAreComparedByPairedErrors() {
        std::vector<VariantScore> scores(4);
        const double bits[] = {16, 8.1, 4.1, 4.5};
        const double perplexity[] = {20, 20.1, 30, 22};
        const double kl[] = {0, 0.001, 0.4, 0.1};
        for (size_t i = 0; i < scores.size(); ++i) {
            scores[i].tokens = 255;
            scores[i].bitsPerWeight = bits[i];
            scores[i].perplexity = perplexity[i];
            scores[i].deltaNllSe = i == 0 ? 0 : 0.01;
            scores[i].klMean = kl[i];
            scores[i].klMeanSe = 0.1 * kl[i];
        }
        const VariantComparison all = compareVariants(scores, ComparedBy::Perplexity);
        QCOMPARE(all.reference, 20.0);
        QCOMPARE(all.front, (std::vector<size_t>{2, 3, 1, 0}));
        QCOMPARE(all.variants[2].standardError, 0.3);
        QCOMPARE(all.variants[0].standardError, 0.0);
        scores[2].tokens = 0;  // not scored yet
        const VariantComparison some = compareVariants(scores, ComparedBy::MeanKl);
        QCOMPARE(some.variants.size(), size_t{3});
        QCOMPARE(some.variants[2].variant, size_t{3});
        QCOMPARE(some.variants[2].loss, 0.1);
        QCOMPARE(some.front, (std::vector<size_t>{2, 1, 0}));
    }

    void insidesAreReadFromTheTrace() {
        Trace trace;
        trace.add("inputs before", "input channel", "max |x_j|", {0, 1, 2}, {1, 30, 2});
        trace.add("inputs after", "input channel", "max |x_j / s_j|", {0, 1, 2}, {2, 4, 1});
        trace.add("weights before", "input channel", "max |w_j|", {0, 1, 2}, {1, 1, 1});
        trace.add("loss", "alpha", "loss", {0, 0.25, 0.5, 0.75}, {4, std::nan(""), 3, 3});
        LayerInsides insides = insidesOf(trace);
        QVERIFY(insides.inputs);
        QCOMPARE(insides.inputs->largestBefore, 30.0);
        QCOMPARE(insides.inputs->spreadBefore, 15.0);
        QCOMPARE(insides.inputs->spreadAfter, 2.0);
        QVERIFY(!insides.weights);  // its other half is missing
        QVERIFY(insides.loss);
        QCOMPARE(insides.loss->chosen, size_t{2});  // the first of equal ones
        QCOMPARE(insides.loss->reference, 4.0);
        QCOMPARE(insides.loss->gain, 0.25);
        Trace other;
        other.add("loss", "column", "GPTQ's", {0, 1}, {2, 1});
        insides = insidesOf(other);
        QVERIFY(insides.isEmpty());
    }

    void outlierFeaturesByHand() {
        // Eight blocks. Channel 0: in two of eight layers (25 %), 48 of 800 positions (6 %): just a feature.
        // Channel 1: often, but in one layer only. Channel 2: in all layers, but too rarely. Channel 3:
        // never.
        std::vector<ActivationStatistics> layers;
        for (int block = 0; block < 8; ++block) {
            const std::string prefix = "blk." + std::to_string(block) + ".";
            layers.push_back(
                layer(prefix + "ffn_down", {block < 2 ? 24 : 0, block == 0 ? 100 : 0, 1, 0}, "ffn_down"));
        }
        const OutlierReport report = findOutliers(layers, {});
        QCOMPARE(report.families.size(), size_t{1});
        QCOMPARE(report.families[0].layers, int64_t{8});
        QCOMPARE(report.families[0].features.size(), size_t{1});
        QCOMPARE(report.families[0].features[0].channel, int64_t{0});
        QCOMPARE(report.families[0].features[0].layerShare, 0.25);
        QCOMPARE(report.families[0].features[0].tokenShare, 0.06);
        QCOMPARE(report.layers[0].largeChannels, int64_t{3});
        QCOMPARE(report.layers[0].frequentChannels, int64_t{2});
        QCOMPARE(report.layers[0].absMax, 7.0);
        QCOMPARE(report.layers[7].frequentChannels, int64_t{0});
        OutlierCriterion strict;
        strict.tokenShare = 0.0601;
        QVERIFY(findOutliers(layers, strict).families[0].features.empty());
    }

    void sharedInputsCountOnce() {
        const std::array repeated = {false, true, true, false, true};
        std::vector<ActivationStatistics> layers;
        for (const char* name :
             {"blk.0.attn_q", "blk.0.attn_k", "blk.0.attn_v", "blk.0.ffn_gate", "blk.0.ffn_up"})
            layers.push_back(layer(name, {10, 0}, "residual", repeated[layers.size()]));
        const OutlierReport report = findOutliers(layers, {});
        QCOMPARE(report.layers.size(), size_t{5});
        QCOMPARE(report.families.size(), size_t{1});
        QCOMPARE(report.families[0].family, std::string("residual"));
        QCOMPARE(report.families[0].layers, int64_t{1});
        QCOMPARE(report.families[0].features[0].tokenShare, 0.1);
        QVERIFY(findOutliers({}, {}).families.empty());
    }

    void activationStatisticsMerge() {
        ActivationStatistics a = layer("x", {10, 3}, "x");
        const ActivationStatistics b = layer("x", {0, 50}, "x");
        a.merge(b);
        QCOMPARE(a.tokens, int64_t{200});
        QVERIFY((a.largeTokens == std::vector<int64_t>{10, 53}));
        QVERIFY(nearly(a.sumOfSquares[0], 10 * 49.0 + 190 * 0.25, 1e-12));
    }

    void weightRowsMeasureTheWeight() {
        SyntheticMatrix spec;
        spec.distribution = Distribution::Laplace;
        spec.rows = 64;
        spec.cols = 300;
        const Tensor tensor = generate(spec).value();
        const KernelTable& kernels = *chooseKernels(detectCpuFeatures()).value();
        const Scheme scheme = parseScheme("int4/affine/group=64").value();
        const LayerRow row = weightRow("blk.0.attn_q", tensor.matrix(), scheme, kernels, Job()).value();
        const auto chosen = chooseQuantization(tensor.matrix(), scheme, kernels, Job()).value();
        const Metrics expected = metricsOf(naiveReport(tensor.matrix(), chosen).total);
        QVERIFY(nearly(row.weight.mse, expected.mse, 1e-9));
        QVERIFY(nearly(row.weight.sqnrDb, expected.sqnrDb, 1e-9));
        QCOMPARE(row.weight.bitsPerWeight, bitsPerWeight(scheme, 64, 300));
        QVERIFY(std::abs(row.weightKurtosis - 6) < 1.5);
        QVERIFY(std::isnan(row.localError));
        const LayerRow reference = weightRow("x", tensor.matrix(), floatScheme(), kernels, Job()).value();
        QVERIFY(std::isinf(reference.weight.sqnrDb));
        QCOMPARE(reference.weight.mse, 0.0);
    }

    void rowsSort() {
        std::vector<LayerRow> rows(4);
        const double nan = std::numeric_limits<double>::quiet_NaN();
        const double errors[]{0.2, nan, 0.1, 0.3};
        const char* names[]{"d", "a", "c", "b"};
        for (size_t i = 0; i < 4; ++i) {
            rows[i].localError = errors[i];
            rows[i].name = names[i];
        }
        QVERIFY((sortedRows(rows, LayerColumn::LocalError, true) == std::vector<int64_t>{3, 0, 2, 1}));
        QVERIFY((sortedRows(rows, LayerColumn::LocalError, false) == std::vector<int64_t>{2, 0, 3, 1}));
        QVERIFY((sortedRows(rows, LayerColumn::Name, false) == std::vector<int64_t>{1, 3, 2, 0}));
        QVERIFY((sortedRows(rows, LayerColumn::Position, true) == std::vector<int64_t>{3, 2, 1, 0}));
        for (size_t i = 0; i < layerColumns().size(); ++i)
            QCOMPARE(static_cast<size_t>(layerColumns()[i].column), i);
    }

    /// worked-examples.md 11.
    void formatSizesAreTheLectures_data() {
        QTest::addColumn<QString>("name");
        QTest::addColumn<double>("bytes");
        QTest::addColumn<QList<int>>("fields");
        QTest::addColumn<double>("highest");
        QTest::newRow("fp64") << "fp64" << 8.0 << QList<int>{1, 11, 52} << std::numeric_limits<double>::max();
        QTest::newRow("fp32") << "fp32" << 4.0 << QList<int>{1, 8, 23}
                              << static_cast<double>(std::numeric_limits<float>::max());
        QTest::newRow("bf16") << "bf16" << 2.0 << QList<int>{1, 8, 7} << 3.3895313892515355e38;
        QTest::newRow("fp16") << "fp16" << 2.0 << QList<int>{1, 5, 10} << 65504.0;
        QTest::newRow("fp8 E4M3") << "fp8 E4M3" << 1.0 << QList<int>{1, 4, 3} << 448.0;
        QTest::newRow("fp8 E5M2") << "fp8 E5M2" << 1.0 << QList<int>{1, 5, 2} << 57344.0;
        QTest::newRow("fp4 E2M1") << "fp4 E2M1" << 0.5 << QList<int>{1, 2, 1} << 6.0;
        QTest::newRow("int8") << "int8" << 1.0 << QList<int>{0, 0, 0} << 127.0;
        QTest::newRow("int4") << "int4" << 0.5 << QList<int>{0, 0, 0} << 7.0;
        QTest::newRow("mxfp4") << "mxfp4" << 4.25 / 8 << QList<int>{1, 2, 1} << 6.0;
    }
    void formatSizesAreTheLectures() {
        QFETCH(QString, name);
        QFETCH(double, bytes);
        QFETCH(QList<int>, fields);
        QFETCH(double, highest);
        for (const FormatSize& format : formatSizes()) {
            if (format.name != name.toStdString()) continue;
            QCOMPARE(format.bytesPerParameter(), bytes);
            QCOMPARE((QList<int>{format.signBits, format.exponentBits, format.mantissaBits}), fields);
            QCOMPARE(format.highest, highest);
            return;
        }
        QFAIL("no such format");
    }

    /// worked-examples.md 11: Qwen2.5-VL's weights in a card's memory (GB of 10^9 bytes, as cards are sold).
    void weightsAgainstACardsMemory_data() {
        QTest::addColumn<double>("billions");
        QTest::addColumn<QString>("format");
        QTest::addColumn<double>("gigabytes");
        QTest::addColumn<QList<bool>>("fits");  // 11 GB 2080 Ti, 24 GB RTX 6000, 40 GB and 48 GB A40
        const auto add = [](double billions, const char* format, double gigabytes, QList<bool> fits) {
            QTest::addRow("%gB %s", billions, format) << billions << QString(format) << gigabytes << fits;
        };
        add(3, "fp32", 12, {false, true, true, true});
        add(3, "bf16", 6, {true, true, true, true});
        add(3, "int4", 1.5, {true, true, true, true});
        add(7, "fp32", 28, {false, false, true, true});
        add(7, "bf16", 14, {false, true, true, true});
        add(7, "int8", 7, {true, true, true, true});
        add(72, "bf16", 144, {false, false, false, false});
        add(72, "int8", 72, {false, false, false, false});
        add(72, "int4", 36, {false, false, true, true});
        add(72, "mxfp4", 38.25, {false, false, true, true});
    }
    void weightsAgainstACardsMemory() {
        QFETCH(double, billions);
        QFETCH(QString, format);
        const auto formats = formatSizes();
        const auto found = std::ranges::find(formats, format.toStdString(), &FormatSize::name);
        QVERIFY(found != formats.end());
        const uint64_t bytes = bytesFor(static_cast<uint64_t>(billions * 1e9), found->bitsPerParameter);
        QTEST(static_cast<double>(bytes) / 1e9, "gigabytes");
        QList<bool> fits;
        for (const double card : {11e9, 24e9, 40e9, 48e9}) fits << (static_cast<double>(bytes) <= card);
        QTEST(fits, "fits");
    }

    void formatRangesAreTheLectures() {
        const auto range = [](std::string_view name) {
            const auto formats = formatSizes();
            const auto found = std::ranges::find(formats, name, &FormatSize::name);
            return QList<double>{found->lowest, found->highest};
        };
        QCOMPARE(range("int8"), (QList<double>{-128, 127}));
        QCOMPARE(range("fp8 E4M3"), (QList<double>{-448, 448}));
        QCOMPARE(range("fp16"), (QList<double>{-65504, 65504}));
        for (const char* wide : {"fp32", "bf16"}) {
            QVERIFY(std::abs(range(wide)[1] - 3.4e38) < 0.02e38);
            QCOMPARE(range(wide)[0], -range(wide)[1]);
        }
    }

    void modelsAddUp() {
        const std::vector<TensorEntry> entries{{"tok", DType::F16, {100, 64}, 12800},
                                               {"blk.0.q.weight", DType::F32, {64, 64}, 16384},
                                               {"norm", DType::F32, {64}, 256}};
        Variant variant;
        variant.weights.scheme = parseScheme("int4/symmetric/group=32").value();
        const ModelSize size =
            modelSize(entries, variant, [](std::string_view name) { return name == "blk.0.q.weight"; });
        const double bits = bitsPerWeight(variant.weights.scheme, 64, 64);
        QCOMPARE(bits, 5.0);
        QCOMPARE(size.bytes, uint64_t{12800 + 256 + 64 * 64 * 5 / 8});
        QCOMPARE(size.quantizedBitsPerWeight(), bits);
        QCOMPARE(size.parameters, uint64_t{6400 + 4096 + 64});
        QVERIFY(size.tensors[1].quantized && !size.tensors[0].quantized);
        variant.overrides = {{"blk.0.*", Recipe{"rtn", floatScheme(), {}}}};
        QCOMPARE(modelSize(entries, variant, [](std::string_view) { return true; }).tensors[1].bytes,
                 uint64_t{16384});
        QCOMPARE(bytesText(1023), std::string("1023 B"));
        QCOMPARE(bytesText(1536), std::string("1.5 KiB"));
        QCOMPARE(bytesText((1 << 20) - 1), std::string("1.0 MiB"));
        QCOMPARE(bytesFor(3, 4), uint64_t{2});
    }

    void syntheticTextRoundTrips_data() {
        QTest::addColumn<QString>("text");
        for (const char* text :
             {"normal", "laplace/rows=64", "student-t/rows=8/cols=9/seed=5/scale=0.25/nu=2.5",
              "uniform/scale=3", "bimodal/separation=2", "outliers/outliers=3/factor=50"})
            QTest::newRow(text) << text;
    }
    void syntheticTextRoundTrips() {
        QFETCH(QString, text);
        const auto matrix = parseSynthetic(text.toStdString());
        QVERIFY(matrix);
        QCOMPARE(QString::fromStdString(syntheticText(*matrix)), text);
        QVERIFY(parseSynthetic(syntheticText(*matrix)).value() == *matrix);
        for (const ParameterInfo& info : infoOf(matrix->distribution).parameters)
            QVERIFY(
                withSyntheticParameter(*matrix, info.key, syntheticParameter(*matrix, info.key)).value() ==
                *matrix);
    }

    void badSyntheticTextIsExplained_data() {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QString>("field");
        QTest::newRow("name") << "gauss"
                              << "synthetic";
        QTest::newRow("empty") << ""
                               << "synthetic";
        QTest::newRow("key") << "normal/nu=3"
                             << "nu";
        QTest::newRow("number") << "normal/rows=x"
                                << "rows";
        QTest::newRow("no value") << "normal/rows"
                                  << "rows";
        QTest::newRow("range") << "normal/rows=0"
                               << "rows";
        QTest::newRow("nan") << "normal/scale=nan"
                             << "scale";
        QTest::newRow("negative seed") << "normal/seed=-1"
                                       << "seed";
    }
    void badSyntheticTextIsExplained() {
        QFETCH(QString, text);
        QFETCH(QString, field);
        const auto matrix = parseSynthetic(text.toStdString());
        QVERIFY(!matrix);
        QCOMPARE(matrix.error().kind, ErrorKind::InvalidArgument);
        QCOMPARE(QString::fromStdString(matrix.error().field), field);
        QVERIFY(!matrix.error().fix.empty());
    }
};

QTEST_APPLESS_MAIN(TestTables)
#include "test_tables.moc"
