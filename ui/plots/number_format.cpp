// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/number_format.h"

#include <cmath>

namespace quantscope {

namespace {

QString withThousands(QString digits) {
    const auto start = digits.startsWith(QLatin1Char('-')) ? 1 : 0;
    auto end = digits.indexOf(QLatin1Char('.'));
    if (end < 0) end = digits.size();
    if (end - start < 5) return digits;
    for (auto position = end - 3; position > start; position -= 3) digits.insert(position, QLatin1Char(','));
    return digits;
}

QString withoutTrailingZeros(QString text) {
    if (!text.contains(QLatin1Char('.'))) return text;
    while (text.endsWith(QLatin1Char('0'))) text.chop(1);
    if (text.endsWith(QLatin1Char('.'))) text.chop(1);
    return text;
}

QString scientific(double value, int digits) {
    const QString text = QString::number(value, 'e', digits - 1);
    const auto at = text.indexOf(QLatin1Char('e'));
    const QString mantissa = withoutTrailingZeros(text.left(at));
    const int exponent = text.mid(at + 1).toInt();
    return QStringLiteral("%1e%2").arg(mantissa).arg(exponent);
}

}  // namespace

QString formatNumber(double value, int digits) {
    if (std::isnan(value)) return QStringLiteral("n/a");
    if (std::isinf(value)) return value > 0 ? QStringLiteral("∞") : QStringLiteral("-∞");
    if (value == 0) return QStringLiteral("0");
    const double magnitude = std::abs(value);
    if (magnitude < 1e-3 || magnitude >= 1e7) return scientific(value, digits);
    const int whole = static_cast<int>(std::floor(std::log10(magnitude))) + 1;
    const int decimals = std::max(0, digits - whole);
    return withThousands(withoutTrailingZeros(QString::number(value, 'f', decimals)));
}

QString formatSigned(double value, int digits) {
    const QString text = formatNumber(value, digits);
    return value > 0 ? QLatin1Char('+') + text : text;
}

QString formatCount(int64_t count) {
    return withThousands(QString::number(count));
}

QString formatPercent(double share) {
    if (std::isnan(share)) return QStringLiteral("n/a");
    return formatNumber(share * 100, 3) + QStringLiteral(" %");
}

QString formatDuration(double seconds) {
    const auto whole = static_cast<int64_t>(std::llround(std::max(0.0, seconds)));
    if (whole < 60) return QStringLiteral("%1 s").arg(whole);
    if (whole < 3600) return QStringLiteral("%1 min %2 s").arg(whole / 60).arg(whole % 60);
    return QStringLiteral("%1 h %2 min").arg(whole / 3600).arg(whole % 3600 / 60);
}

}  // namespace quantscope
