// SPDX-License-Identifier: GPL-3.0-or-later
#include "labs/matmul_text.h"

#include <QCoreApplication>
#include <algorithm>
#include <cmath>

#include "labs/matmul_series.h"
#include "plots/number_format.h"

namespace quantscope {
namespace {

using Tone = ArithmeticLine::Tone;

QString tr(const char* text) {
    return QCoreApplication::translate("MatmulLab", text);
}

QString bytesText(double bytes) {
    if (bytes < 1e4) return QStringLiteral("%1 B").arg(formatNumber(bytes, 4));
    if (bytes < 1e6) return QStringLiteral("%1 kB").arg(formatNumber(bytes / 1e3));
    return QStringLiteral("%1 MB").arg(formatNumber(bytes / 1e6));
}

/// "17 · 127 + 51 · 36 + (-127) · (-73)" for a short sum.
QString writtenOut(const ProductTrace& trace, size_t steps) {
    QString text;
    for (size_t k = 0; k < steps; ++k) {
        const TraceStep& step = trace.steps[k];
        if (step.liftedOut) continue;
        if (!text.isEmpty()) text += QStringLiteral(" + ");
        text += QStringLiteral("%1 · %2").arg(factor(step.a), factor(step.b));
    }
    return text;
}

void addTerms(std::vector<ArithmeticLine>& lines, const TraceSegment& s, bool symmetric) {
    if (!s.integerZeros) {
        lines.push_back(
            {tr("offsets"), tr("zero points are real numbers: S and the value of code 0 enter as floats")});
        return;
    }
    if (symmetric) {
        lines.push_back({tr("zero points"), tr("Z_A = Z_B = 0: no further terms"), Tone::Muted});
        return;
    }
    lines.push_back({tr("Σ a b"), QString::number(s.sum)});
    lines.push_back({tr("− Z_B Σ a"), QStringLiteral("− %1 · %2 = %3   %4")
                                          .arg(factor(s.wZero), factor(s.xSum))
                                          .arg(s.wTerm)
                                          .arg(tr("online: needs the input"))});
    lines.push_back({tr("− Z_A Σ b"), QStringLiteral("− %1 · %2 = %3   %4")
                                          .arg(factor(s.xZero), factor(s.wSum))
                                          .arg(s.xTerm)
                                          .arg(tr("offline: in the bias"))});
    lines.push_back({tr("+ K Z_A Z_B"), QStringLiteral("%1 · %2 · %3 = %4   %5")
                                            .arg(s.end - s.begin)
                                            .arg(factor(s.xZero), factor(s.wZero))
                                            .arg(s.bothTerm)
                                            .arg(tr("offline"))});
    lines.push_back({tr("corrected"), QString::number(s.corrected), Tone::Strong});
}

void addRequantization(std::vector<ArithmeticLine>& lines, const TraceRequantization& r) {
    const int shift = r.multiplier.rightShift;
    lines.push_back({tr("M = S_A S_B / S_C"), QStringLiteral("%1 = 2^%2 · %3")
                                                  .arg(number(r.factor))
                                                  .arg(-shift)
                                                  .arg(QString::number(r.multiplier.fraction(), 'f', 6))});
    lines.push_back({tr("M0 in binary"), QString::fromStdString(r.fractionBits)});
    lines.push_back({tr("M0 · sum, then >> %1").arg(shift), QStringLiteral("%1 · %2 / 2^31 → %3 → %4")
                                                                .arg(r.sum)
                                                                .arg(r.multiplier.mantissa)
                                                                .arg(r.highProduct)
                                                                .arg(r.shifted)});
    const bool clamps = r.shifted + r.zeroPoint != r.code;
    lines.push_back(
        {tr("+ Z_C, clamp"),
         QStringLiteral("%1 + %2 = %3%4")
             .arg(QString::number(r.shifted), factor(r.zeroPoint), QString::number(r.shifted + r.zeroPoint),
                  clamps ? tr(" → %1, clamped to [%2, %3]").arg(r.code).arg(r.clampMin).arg(r.clampMax)
                         : QString())});
    lines.push_back(
        {tr("int8 result"),
         tr("S_C (q − Z_C) = %1 · %2 = %3%4")
             .arg(number(static_cast<double>(r.scale)), factor(r.code - r.zeroPoint), number(r.value),
                  r.floatCode == r.code ? tr("   float path: same code")
                                        : tr("   float path: code %1").arg(r.floatCode))});
}

}  // namespace

QString times(double seconds) {
    if (seconds <= 0) return QStringLiteral("0");
    if (seconds < 1e-6) return QStringLiteral("%1 ns").arg(formatNumber(1e9 * seconds));
    if (seconds < 1e-3) return QStringLiteral("%1 µs").arg(formatNumber(1e6 * seconds));
    return QStringLiteral("%1 ms").arg(formatNumber(1e3 * seconds));
}

QString number(double value) {
    if (value == std::round(value) && std::abs(value) < 1e6)
        return QString::number(static_cast<qint64>(value));
    const double magnitude = std::abs(value);
    if (magnitude >= 1e6 || magnitude < 1e-3) return QString::number(value, 'e', 2);
    const int whole = static_cast<int>(std::floor(std::log10(magnitude))) + 1;
    return QString::number(value, 'f', std::clamp(5 - std::max(whole, 0), magnitude < 1 ? 4 : 1, 5));
}

QString factor(qint64 value) {
    return value < 0 ? QStringLiteral("(%1)").arg(value) : QString::number(value);
}

QString term(qint64 value) {
    return value < 0 ? QStringLiteral("− %1").arg(-value) : QStringLiteral("+ %1").arg(value);
}

std::vector<ArithmeticLine> stepLines(const MatmulResults& results, qint64 step) {
    const ProductVariantResult* variant = shownVariant(results);
    if (!variant || !variant->product || !results.trace) return {};
    const QuantizedProduct& p = *variant->product;
    const ProductTrace& trace = *results.trace;
    const auto index = static_cast<size_t>(std::clamp<qint64>(step, 0, p.depth - 1));
    const TraceStep& now = trace.steps[index];
    std::vector<ArithmeticLine> lines;
    const QString where = tr("k = %1").arg(now.k);
    if (now.liftedOut) {
        lines.push_back({where,
                         tr("%1 · %2 = %3 in float: an outlier input, lifted out")
                             .arg(number(now.xValue), number(now.wValue), number(now.xValue * now.wValue)),
                         Tone::Strong});
    } else if (p.isInteger) {
        const qint64 before = now.accumulator - now.product;
        lines.push_back({where,
                         QStringLiteral("%1 · %2 = %3     %4 %5 = %6")
                             .arg(factor(now.a), factor(now.b))
                             .arg(now.product)
                             .arg(before)
                             .arg(term(now.product))
                             .arg(now.accumulator),
                         Tone::Strong});
        lines.push_back(
            {tr("stands for"),
             QStringLiteral("%1 · %2 = %3    %4 %5 · %6 = %7")
                 .arg(number(static_cast<double>(now.x)), number(static_cast<double>(now.w)),
                      number(static_cast<double>(now.x) * static_cast<double>(now.w)), tr("as codes say"),
                      number(now.xValue), number(now.wValue), number(now.xValue * now.wValue)),
             Tone::Muted});
    } else {
        lines.push_back({where,
                         QStringLiteral("%1 · %2 = %3     Σ = %4")
                             .arg(number(now.xValue), number(now.wValue), number(now.xValue * now.wValue),
                                  number(now.running)),
                         Tone::Strong});
    }
    constexpr size_t kShort = 6;
    if (p.isInteger && p.segments.size() == 1 && p.depth <= static_cast<int64_t>(kShort))
        lines.push_back(
            {tr("so far"), QStringLiteral("%1 = %2").arg(writtenOut(trace, index + 1)).arg(now.accumulator)});
    if (p.segments.size() > 1) {
        const TraceSegment& s = trace.segments[static_cast<size_t>(now.segment)];
        lines.push_back(
            {tr("group %1").arg(now.segment),
             tr("inputs %1 … %2 share S_A = %3, S_B = %4; the accumulator starts anew in every group")
                 .arg(s.begin)
                 .arg(s.end - 1)
                 .arg(number(s.xScale), number(s.wScale)),
             Tone::Muted});
    }
    return lines;
}

std::vector<ArithmeticLine> resultLines(const MatmulResults& results) {
    const ProductVariantResult* variant = shownVariant(results);
    if (!variant || !variant->product || !results.trace) return {};
    const QuantizedProduct& p = *variant->product;
    const ProductTrace& trace = *results.trace;
    std::vector<ArithmeticLine> lines;
    if (trace.segments.size() == 1) {
        const TraceSegment& s = trace.segments.front();
        const bool symmetric = p.x.isSymmetric() && p.w.isSymmetric();
        addTerms(lines, s, symmetric);
        if (symmetric && s.xScale != 0 && s.wScale != 0) {
            lines.push_back({tr("÷ scales"), QStringLiteral("%1 ÷ (%2 · %3) = %1 ÷ %4 = %5")
                                                 .arg(QString::number(s.corrected), number(1 / s.xScale),
                                                      number(1 / s.wScale), number(1 / (s.xScale * s.wScale)),
                                                      number(s.value))});
        } else if (s.integerZeros) {
            lines.push_back({tr("· S_A S_B"), QStringLiteral("%1 · %2 · %3 = %4")
                                                  .arg(QString::number(s.corrected), number(s.xScale),
                                                       number(s.wScale), number(s.value))});
        }
    } else if (!trace.segments.empty()) {
        const TraceSegment& s = trace.segments.front();
        lines.push_back({tr("groups"), tr("%1 sums, each times its own S_A S_B; the first: %2 · %3 · %4 = %5")
                                           .arg(trace.segments.size())
                                           .arg(s.corrected)
                                           .arg(number(s.xScale), number(s.wScale), number(s.value))});
    }
    if (!p.liftedOut.empty())
        lines.push_back({tr("+ float part"), tr("%1 from %2 of %3 inputs")
                                                 .arg(number(trace.liftedOut))
                                                 .arg(p.liftedOut.size())
                                                 .arg(p.depth)});
    lines.push_back({tr("result"),
                     tr("%1   exact %2   error %3")
                         .arg(number(trace.value), number(trace.exact), formatSigned(trace.error, 3)),
                     Tone::Strong});
    if (trace.requantization) {
        addRequantization(lines, *trace.requantization);
    } else if (variant->notRequantized && p.isInteger) {
        lines.push_back({tr("as int8"),
                         tr("no: %1").arg(QString::fromStdString(variant->notRequantized->message)),
                         Tone::Note});
    }
    return lines;
}

std::vector<ArithmeticLine> costLines(const MatmulResults& results) {
    if (!results.costs) return {};
    const ProductCosts& c = *results.costs;
    const TermTiming& t = c.terms;
    const WeightOnlyCost& w = c.weightOnly;
    std::vector<ArithmeticLine> lines;
    lines.push_back({tr("Σ a b"), times(t.sums)});
    lines.push_back(
        {tr("zero points"), tr("Σ a %1 online · Σ b %2 offline · all terms folded %3, unfolded %4")
                                .arg(times(t.xSums), times(t.wSums), times(t.folded), times(t.online))});
    lines.push_back(
        {tr("quantize X"), tr("dynamic %1 · static %2").arg(times(t.dynamicRange), times(t.staticRange))});
    QString rates;
    for (const PackingCost& packing : c.packing) {
        if (packing.bits != 2 && packing.bits != 3 && packing.bits != 4 && packing.bits != 8) continue;
        rates += tr("%1%2 bit %3 G/s (%4)")
                     .arg(rates.isEmpty() ? QString() : QStringLiteral(" · "))
                     .arg(packing.bits)
                     .arg(formatNumber(packing.unpackRate / 1e9, 2), formatPercent(packing.share));
    }
    lines.push_back({tr("unpack W"), rates});
    lines.push_back({tr("int4 on the fly"),
                     tr("%1 moved, %2 a token").arg(bytesText(w.bytesOnTheFly), times(w.secondsOnTheFly))});
    lines.push_back(
        {tr("int4 to float first"),
         tr("%1 moved, %2 a token").arg(bytesText(w.bytesEverything), times(w.secondsEverything))});
    return lines;
}

}  // namespace quantscope
