// SPDX-License-Identifier: Apache-2.0
#include <QtTest>
#include <algorithm>

#include "analysis/tensor/clip_curve.h"
#include "analysis/tensor/tensor_report.h"
#include "base/parallel_for.h"
#include "naive_report.h"
#include "quant/estimators/range_estimator.h"
#include "quant/formats/grid.h"
#include "quant/quantized_tensor.h"
#include "tensor/synthetic.h"

using namespace quantscope;

namespace {

Tensor studentT(int64_t rows, int64_t cols) {
    SyntheticMatrix matrix;
    matrix.distribution = Distribution::StudentT;
    matrix.rows = rows;
    matrix.cols = cols;
    matrix.degreesOfFreedom = 3;
    return generate(matrix).value();
}

/// The scheme on the range, element by element, with the reference quantizer.
ErrorSplit referenceError(const MatrixView& matrix, const Range& range, const Scheme& scheme) {
    MatrixQuantization quantization;
    quantization.scheme = scheme;
    quantization.scheme.granularity = Granularity::Tensor;
    quantization.layout = GroupLayout::of(quantization.scheme, matrix.rows, matrix.cols);
    quantization.groups = {paramsFromRange(range, scheme)};
    return naiveReport(matrix, quantization).total;
}

}  // namespace

class TestClipCurve : public QObject {
    Q_OBJECT

 private slots:
    /// More values than the estimators' quantiles and one far outlier: its weight is one element's, so the
    /// least error lies below a fifth of the range, and the MSE mark must lie there, not where a heavier
    /// outlier would pull it.
    void heavyTailMseMarkIsAtTheLeastError() {
        SyntheticMatrix normal;
        normal.rows = 256;
        normal.cols = 1024;
        const Tensor plain = generate(normal).value();
        std::vector<float> values(plain.floats().begin(), plain.floats().end());
        values[777] = 40;
        const Tensor matrix = Tensor::fromFloats({256, 1024}, std::move(values));
        const TensorStage stage = analyzeTensor(matrix.matrix(), {}).value();
        const ClipCurve curve = clipCurve(stage.sorted, parseScheme("int4/tensor").value(), {}, {}).value();
        const auto mark = std::find_if(curve.marks.begin(), curve.marks.end(),
                                       [](const ClipMark& m) { return m.estimator == RangeEstimator::Mse; });
        QVERIFY(mark != curve.marks.end());
        QVERIFY(curve.best.ratio < 0.19);
        QVERIFY(mark->point.totalMse() <= curve.best.totalMse());
        // The quantizer's own search follows the tail, too.
        Scheme scheme = parseScheme("int4/tensor/mse").value();
        const GroupParams chosen = chooseGroupParams(matrix.matrix(), scheme).value().front();
        QVERIFY(static_cast<double>(chosen.scale) * 7 < 0.19 * 40);
    }

    void pointsAreExact_data() {
        QTest::addColumn<QString>("scheme");
        QTest::addColumn<double>("tolerance");
        for (const char* scheme :
             {"int4", "int8", "int2/affine", "int4/affine", "int8/full", "int4/power-of-two", "int4/no-clip",
              "int4/signed-extreme", "int4/half-away", "int4/half-up", "int4/floor", "int4/ceil",
              "int4/toward-zero", "int4/affine/floor", "int4/affine/minimum/toward-zero",
              "int4/signed-extreme/floor", "int4/signed-extreme/ceil", "uint4/affine/toward-zero"})
            QTest::newRow(scheme) << scheme << 1e-5;
        // The expectation against one draw for each of 20,000 elements.
        QTest::newRow("int4/stochastic") << "int4/stochastic" << 0.03;
    }
    void pointsAreExact() {
        QFETCH(QString, scheme);
        QFETCH(double, tolerance);
        const auto parsed = parseScheme(scheme.toStdString());
        QVERIFY2(parsed, parsed ? "" : describe(parsed.error()).c_str());
        const Tensor tensor = studentT(100, 200);
        const TensorStage stage = analyzeTensor(tensor.matrix(), Job()).value();
        const auto curve = clipCurve(stage.sorted, *parsed, {24, 0.005}, Job());
        QVERIFY(curve);
        QVERIFY(curve->exact);
        QCOMPARE(curve->points.size(), size_t{24});
        QCOMPARE(curve->points.back().ratio, 1.0);
        QVERIFY(std::abs(curve->points.front().ratio - 0.005) < 1e-6);
        for (const ClipPoint& point : curve->points) {
            const double ratio = point.limit / static_cast<double>(stage.sorted.absMax());
            const Range range{static_cast<float>(ratio * static_cast<double>(stage.sorted.minimum())),
                              static_cast<float>(ratio * static_cast<double>(stage.sorted.maximum())), false};
            const ErrorSplit exact = referenceError(tensor.matrix(), range, *parsed);
            const double count = static_cast<double>(exact.count);
            QVERIFY(nearly(point.totalMse(), exact.totalSse() / count, tolerance));
            QVERIFY(nearly(point.clippingMse, exact.clippingSse / count, tolerance,
                           1e-4 * exact.totalSse() / count));
            QVERIFY(std::abs(point.clippedShare - static_cast<double>(exact.clippedCount) / count) < 1e-4);
        }
    }

    void clippingFallsAndRoundingRises() {
        const Tensor tensor = studentT(200, 200);
        const TensorStage stage = analyzeTensor(tensor.matrix(), Job()).value();
        const auto curve = clipCurve(stage.sorted, parseScheme("int4").value(), {}, Job()).value();
        for (size_t i = 1; i < curve.points.size(); ++i) {
            QVERIFY(curve.points[i].ratio > curve.points[i - 1].ratio);
            QVERIFY(curve.points[i].clippingMse <= curve.points[i - 1].clippingMse + 1e-12);
        }
        QVERIFY(curve.points.back().clippingMse < 1e-9);
        QVERIFY(curve.points.back().roundingMse > curve.points.front().roundingMse);
        QVERIFY(curve.best.totalMse() < curve.points.back().totalMse());
        QVERIFY(curve.best.totalMse() < curve.points.front().totalMse());
    }

    void marksAreWhatTheEstimatorsChoose() {
        const Tensor tensor = studentT(40, 200);
        const TensorStage stage = analyzeTensor(tensor.matrix(), Job()).value();
        const Scheme scheme = parseScheme("int4/mse/tensor").value();
        const auto curve = clipCurve(stage.sorted, scheme, {}, Job()).value();
        QCOMPARE(curve.marks.size(), size_t{4});
        int current = 0;
        for (const ClipMark& mark : curve.marks) {
            Scheme asked = scheme;
            asked.estimator = mark.estimator;
            const Range range = estimateRange(tensor.floats(), asked).value();
            QVERIFY(nearly(mark.low, static_cast<double>(range.low), 1e-5));
            QVERIFY(nearly(mark.high, static_cast<double>(range.high), 1e-5));
            const ErrorSplit exact = referenceError(tensor.matrix(), range, asked);
            QVERIFY(nearly(mark.point.totalMse(), exact.totalSse() / static_cast<double>(exact.count), 1e-4));
            QVERIFY(!mark.label.empty());
            current += mark.current ? 1 : 0;
            if (mark.current) QCOMPARE(mark.estimator, RangeEstimator::Mse);
            if (mark.estimator == RangeEstimator::Mse)
                QVERIFY(mark.point.totalMse() <= curve.best.totalMse() * 1.02);
        }
        QCOMPARE(current, 1);
        QVERIFY(std::is_sorted(
            curve.marks.begin(), curve.marks.end(),
            [](const ClipMark& a, const ClipMark& b) { return a.point.ratio < b.point.ratio; }));
    }

    void manualRangeIsMarkedWhenUsed() {
        const Tensor tensor = studentT(20, 200);
        const TensorStage stage = analyzeTensor(tensor.matrix(), Job()).value();
        const auto curve =
            clipCurve(stage.sorted, parseScheme("int4/manual=-1.5,1.5").value(), {}, Job()).value();
        const auto manual = std::find_if(curve.marks.begin(), curve.marks.end(), [](const ClipMark& m) {
            return m.estimator == RangeEstimator::Manual;
        });
        QVERIFY(manual != curve.marks.end());
        QVERIFY(manual->current);
        QCOMPARE(manual->point.limit, 1.5);
    }

    /// A curve kept for its scheme and marked afterwards is the curve computed at once: a dragged clip limit,
    /// a chosen estimator and another group size cost one point.
    void keptCurveTakesTheMarkOfAnyRange() {
        const Tensor tensor = studentT(20, 200);
        const TensorStage stage = analyzeTensor(tensor.matrix(), Job()).value();
        const auto kept = [](const char* text) { return clipCurveScheme(parseScheme(text).value()); };
        QCOMPARE(kept("int4/affine/group=64/mse"), kept("int4/affine/channel/manual=-1,2"));
        QVERIFY(!(kept("int4") == kept("int5")));
        QVERIFY(!(kept("int4") == kept("int4/floor")));
        for (const char* text : {"int4/manual=-1.5,1.5", "int4/tensor/mse",
                                 "int4/affine/group=32/manual=-0.5,2", "int4/tensor"}) {
            Scheme scheme = parseScheme(text).value();
            const ClipCurve base = clipCurve(stage.sorted, clipCurveScheme(scheme), {}, Job()).value();
            const ClipCurve marked = withMarkOf(base, stage.sorted, scheme);
            scheme.granularity = Granularity::Tensor;
            const ClipCurve whole = clipCurve(stage.sorted, scheme, {}, Job()).value();
            QVERIFY2(marked.points == whole.points, text);
            QCOMPARE(marked.marks.size(), whole.marks.size());
            for (size_t i = 0; i < whole.marks.size(); ++i) {
                QCOMPARE(marked.marks[i].estimator, whole.marks[i].estimator);
                QCOMPARE(marked.marks[i].current, whole.marks[i].current);
                QCOMPARE(marked.marks[i].low, whole.marks[i].low);
                QVERIFY2(marked.marks[i].point == whole.marks[i].point, text);
            }
        }
    }

    void samplesAgreeWithTheWhole() {
        const Tensor tensor = studentT(2000, 500);
        const TensorStage whole = analyzeTensor(tensor.matrix(), Job(), int64_t{1} << 24).value();
        const TensorStage part = analyzeTensor(tensor.matrix(), Job(), int64_t{1} << 16).value();
        QVERIFY(whole.sorted.exact() && !part.sorted.exact());
        QCOMPARE(part.sorted.minimum(), whole.sorted.minimum());
        QCOMPARE(part.sorted.maximum(), whole.sorted.maximum());
        QVERIFY(std::abs(part.sorted.populationCount() - 1e6) < 1);
        const Scheme scheme = parseScheme("int4").value();
        const auto a = clipCurve(whole.sorted, scheme, {}, Job()).value();
        const auto b = clipCurve(part.sorted, scheme, {}, Job()).value();
        QVERIFY(!b.exact);
        for (size_t i = 0; i < a.points.size(); ++i)
            QVERIFY(nearly(b.points[i].totalMse(), a.points[i].totalMse(), 0.03));
    }

    void percentilesAreNumpys() {
        std::vector<float> values{5, 1, 4, 2, 3};
        const MatrixView matrix{values.data(), 1, 5, 5};
        const TensorStage stage = analyzeTensor(matrix, Job()).value();
        QCOMPARE(stage.sorted.percentile(0), 1.0);
        QCOMPARE(stage.sorted.percentile(50), 3.0);
        QCOMPARE(stage.sorted.percentile(100), 5.0);
        QCOMPARE(stage.sorted.percentile(10), 1.4);
        QCOMPARE(stage.sorted.percentile(99), 4.96);
        QVERIFY((stage.sorted.resampled(10) == std::vector<float>{1, 2, 3, 4, 5}));
    }

    void oddValues() {
        const auto curveOf = [](std::vector<float> values, const char* scheme) {
            const auto n = static_cast<int64_t>(values.size());
            const TensorStage stage = analyzeTensor(MatrixView{values.data(), 1, n, n}, Job()).value();
            return clipCurve(stage.sorted, parseScheme(scheme).value(), {16, 0.01}, Job()).value();
        };
        QVERIFY(curveOf({}, "int4").points.empty());
        QVERIFY(curveOf({0, 0, 0}, "int4").points.empty());
        QVERIFY(curveOf({1, 2, 3}, "float").points.empty());
        const ClipCurve one = curveOf({4}, "int4");
        QCOMPARE(one.points.size(), size_t{16});
        QVERIFY(one.points.back().totalMse() < 1e-12);
        const float nan = std::numeric_limits<float>::quiet_NaN();
        QCOMPARE(curveOf({nan, 4, -2}, "int4").points.size(), size_t{16});
        QVERIFY(curveOf({1, -3, 2}, "int16").points.size() >= 2);
    }

    void threadsDoNotMatterAndStops() {
        const Tensor tensor = studentT(100, 100);
        const TensorStage stage = analyzeTensor(tensor.matrix(), Job()).value();
        const Scheme scheme = parseScheme("int4/affine").value();
        limitThreadsOfCaller(1);
        const auto one = clipCurve(stage.sorted, scheme, {}, Job()).value();
        limitThreadsOfCaller(4);
        const auto four = clipCurve(stage.sorted, scheme, {}, Job()).value();
        limitThreadsOfCaller(availableCores());
        QVERIFY(one.points == four.points);
        std::stop_source stop;
        stop.request_stop();
        QVERIFY(!clipCurve(stage.sorted, scheme, {}, Job(stop.get_token())));
    }
};

QTEST_APPLESS_MAIN(TestClipCurve)
#include "test_clip_curve.moc"
