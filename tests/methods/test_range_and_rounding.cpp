// SPDX-License-Identifier: Apache-2.0
#include <QtTest>
#include <algorithm>
#include <cmath>
#include <limits>

#include "method_runs.h"
#include "quant/passes/quantize_params.h"
#include "quant/passes/reference.h"

using namespace quantscope;
using namespace quantscope::test;

namespace {

/// sum E[x_j^2] (w - w^)^2.
double weightedError(const LayerInput& layer, const MatrixView& rounded) {
    const MatrixView w = layer.weight.matrix();
    double sum = 0;
    for (int64_t r = 0; r < w.rows; ++r)
        for (int64_t c = 0; c < w.cols; ++c)
            sum += layer.calibration->meanSquare[static_cast<size_t>(c)] *
                   std::pow(static_cast<double>(w.at(r, c)) - static_cast<double>(rounded.at(r, c)), 2);
    return sum;
}

/// The same for every group's best pair of limits, 1 % steps of its minimum and maximum.
double bestOnGrid(const LayerInput& layer, const Scheme& scheme) {
    const MatrixView w = layer.weight.matrix();
    const bool symmetric = scheme.mapping == Mapping::Symmetric;
    double sum = 0;
    for (int64_t r = 0; r < w.rows; ++r)
        for (int64_t c = 0; c < w.cols; c += scheme.groupSize) {
            const auto [low, high] = std::minmax_element(w.row(r) + c, w.row(r) + c + scheme.groupSize);
            double best = std::numeric_limits<double>::infinity();
            for (int i = 1; i <= 100; ++i)
                for (int j = symmetric ? i : 1; j <= (symmetric ? i : 100); ++j) {
                    const Range range{*low * static_cast<float>(i) / 100, *high * static_cast<float>(j) / 100,
                                      std::abs(*low) >= std::abs(*high)};
                    const QuantizeParams params = quantizeParams(scheme, paramsFromRange(range, scheme));
                    double error = 0;
                    for (int64_t k = c; k < c + scheme.groupSize; ++k)
                        error += layer.calibration->meanSquare[static_cast<size_t>(k)] *
                                 std::pow(static_cast<double>(w.at(r, k)) -
                                              static_cast<double>(
                                                  dequantizeValue(quantizeValue(w.at(r, k), params), params)),
                                          2);
                    best = std::min(best, error);
                }
            sum += best;
        }
    return sum;
}

}  // namespace

/// Methods that choose a range or the side to round to by what the inputs say, against a search of their own.
class TestRangeAndRounding : public QObject {
    Q_OBJECT
 private slots:
    /// Rounding learned for the outputs is worth it, with and without single turns at the end.
    void learnedRoundingBeatsNearest() {
        const LayerInput layer = goldenLayer();
        for (const auto& [bits, most] : {std::pair{4, 0.6}, {3, 0.7}}) {
            const std::string scheme = "int" + std::to_string(bits) + "/affine/group=64";
            const double nearest = errorOf(scheme.c_str(), layer);
            const double learned = errorOf(("adaround/" + scheme).c_str(), layer);
            const double plain = errorOf(("adaround/" + scheme + "/turns=false").c_str(), layer);
            QVERIFY2(learned < most * nearest, qPrintable(QString("%1 %2").arg(learned).arg(nearest)));
            QVERIFY2(plain < 0.92 * nearest, qPrintable(QString("%1 %2").arg(plain).arg(nearest)));
            QVERIFY(learned < plain);
        }
    }

    /// Against a dense grid of both ends of every group's range, each tried with the plain scalar quantizer.
    void weightedRangeFindsTheBest_data() {
        QTest::addColumn<QString>("scheme");
        for (const char* scheme : {"int3/affine/group=32", "int4/affine/group=64", "int2/symmetric/group=32"})
            QTest::newRow(scheme) << scheme;
    }
    void weightedRangeFindsTheBest() {
        QFETCH(QString, scheme);
        const LayerInput layer = goldenLayer();
        const auto found = run(("weighted/" + scheme.toStdString()).c_str(), layer);
        const auto plain = run(scheme.toStdString().c_str(), layer);
        QVERIFY(found.has_value() && plain.has_value());
        const Scheme parsed = *parseScheme(scheme.toStdString());
        const auto loss = [&](const LayerResult& result) {
            return weightedError(layer, result.floats().matrix());
        };
        const double best = bestOnGrid(layer, parsed);
        QVERIFY2(loss(*found) <= 1.02 * best, qPrintable(QString("%1 %2").arg(loss(*found)).arg(best)));
        QVERIFY2(loss(*found) < 0.9 * loss(*plain), qPrintable(QString::number(loss(*plain))));
    }
};

QTEST_APPLESS_MAIN(TestRangeAndRounding)
#include "test_range_and_rounding.moc"
