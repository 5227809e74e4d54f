// SPDX-License-Identifier: Apache-2.0
#include <QtTest>
#include <limits>
#include <set>

#include "app/labs/labs.h"
#include "app/results/matmul_results.h"
#include "app/results/metric_infos.h"
#include "app/results/results.h"

using namespace quantscope;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

const MetricInfo& metric(const char* id) {
    static std::vector<MetricInfo> kept;
    kept = metricsNamed({id});
    return kept.front();
}

QString textOf(const char* id, MetricValue value, bool approximate = false) {
    return QString::fromStdString(metricText(metric(id), {{id, value}}, approximate));
}

}  // namespace

class TestMetricInfos : public QObject {
    Q_OBJECT
 private slots:
    void numbersAreWrittenByTheirMetric_data();
    void numbersAreWrittenByTheirMetric();
    void whatIsNotKnownIsADash();
    void everyLabNamesMetricsOfTheTable();
    void resultsSayWhatAllLabsSay();
};

void TestMetricInfos::numbersAreWrittenByTheirMetric_data() {
    QTest::addColumn<QByteArray>("id");
    QTest::addColumn<double>("value");
    QTest::addColumn<double>("second");
    QTest::addColumn<QString>("text");
    const auto row = [](const char* id, double value, const char* text, double second = kNan) {
        QTest::addRow("%s %g", id, value) << QByteArray(id) << value << second << QString::fromUtf8(text);
    };
    row("bits_per_weight", 4.3125, "4.31");
    row("sqnr_db", std::numeric_limits<double>::infinity(), "∞");
    row("mse", 3.48e-4, "3.48e-04");
    row("mse", 0, "0");
    row("max_abs", 0.0123456, "0.01235");
    row("max_abs", 1234.56, "1235");
    row("max_abs", 2.5e-5, "2.50e-05");
    row("cosine", 1, "1");
    row("cosine", 0.99998765, "0.999988");
    row("relative_frobenius", 0.123456, "12.346 %");
    row("relative_frobenius", 0, "0 %");
    row("model_bytes", 10.25 * 1024 * 1024, "10.2 MiB");
    row("model_bytes", 250.7 * 1024 * 1024, "251 MiB");
    row("perplexity", 23.6134, "23.61 ± 0.42", 0.4188);
    row("delta_nll", 0.01234, "+0.0123 ± 0.0011", 0.00112);
    row("delta_nll", -0.5, "-0.5000 ± 0.0100", 0.01);
    row("delta_nll", 0, "0", 0);
    row("top1_agreement", 0.9876, "98.8 %");
    row("top1_agreement", 1, "100 %");
    row("tokens_per_second", 1234.4, "1234");
    row("product_bits", 8, "8 · 4", 4);
    row("largest_sum", 15553, "15553");
    row("beyond_int16", 0.25, "25.00 %");
}

void TestMetricInfos::numbersAreWrittenByTheirMetric() {
    QFETCH(QByteArray, id);
    QFETCH(double, value);
    QFETCH(double, second);
    QFETCH(QString, text);
    QCOMPARE(textOf(id.constData(), {value, second}), text);
}

void TestMetricInfos::whatIsNotKnownIsADash() {
    const QString dash = QStringLiteral("–");
    QCOMPARE(textOf("output_error", {kNan}), dash);
    QCOMPARE(textOf("output_error", {kNan}, true), dash);
    QCOMPARE(QString::fromStdString(metricText(metric("mse"), {})), dash);
    // A preview's numbers are estimates; bits are not.
    QCOMPARE(textOf("mse", {0.5}, true), QStringLiteral("~5.00e-01"));
    QCOMPARE(textOf("bits_per_weight", {4.25}, true), QStringLiteral("4.25"));
}

void TestMetricInfos::everyLabNamesMetricsOfTheTable() {
    std::set<std::string> ids;
    for (const MetricInfo& info : metricInfos()) {
        QVERIFY2(ids.insert(info.id).second, info.id.c_str());
        QVERIFY2(!info.label.empty() && !info.formula.empty(), info.id.c_str());
    }
    std::set<std::string> shown;
    for (const Lab& lab : labs())
        for (const MetricInfo& info : lab.metrics) shown.insert(info.id);
    for (const std::string& id : shown) QVERIFY2(ids.contains(id), id.c_str());
}

void TestMetricInfos::resultsSayWhatAllLabsSay() {
    ModelResults model;
    model.request.variants = *parseVariants("float; int4/group=64");
    model.architecture = "llama";
    model.evaluation.notes = {"a note"};
    summarize(model);
    QCOMPARE(model.rows.size(), size_t{2});
    QCOMPARE(model.rows[1].title, variantTitle(model.request.variants[1]));
    QVERIFY(model.rows[1].values.empty());
    QCOMPARE(model.summary, std::string("a note · llama"));
    model.evaluation.variants.resize(2);
    for (VariantScore& score : model.evaluation.variants) {
        score.tokens = 255;
        score.deltaNll = 0.5;
        score.bitsPerWeight = 4.25;
    }
    summarize(model);
    QCOMPARE(model.rows[0].values.at("delta_nll").value, 0.0);  // the reference against itself
    QCOMPARE(model.rows[1].values.at("delta_nll").value, 0.5);
    QCOMPARE(model.rows[1].bits, 4.25);

    TensorResults tensor;
    tensor.variants.resize(2);
    tensor.variants[0].error = Error{ErrorKind::Unsupported, "no codes", {}, {}, {}};
    auto report = std::make_shared<VariantReport>();
    report->metrics.sqnrDb = 20.5;
    tensor.variants[1].report = report;
    tensor.tier = Tier::Preview;
    tensor.inverseShare = 64;
    summarize(tensor);
    QVERIFY(tensor.approximate);
    QVERIFY(tensor.rows[0].error.has_value() && tensor.rows[0].values.empty());
    QCOMPARE(tensor.rows[1].values.at("sqnr_db").value, 20.5);
    QVERIFY(tensor.summary.starts_with("preview from 1/64 of the elements"));
    // Whatever a report measures has a column in the table.
    for (const auto& [id, value] : tensor.rows[1].values) QCOMPARE(metric(id.c_str()).id, id);

    MatmulResults product;
    product.wTitle = "w";
    product.variants.resize(1);
    product.variants[0].error = Error{ErrorKind::Unsupported, "does not fit", {}, {}, {}};
    summarize(product);
    QCOMPARE(product.title, std::string("w"));
    QVERIFY(product.rows[0].error.has_value());
}

QTEST_APPLESS_MAIN(TestMetricInfos)
#include "test_metric_infos.moc"
