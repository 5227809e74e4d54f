// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/axis_tickers.h"

#include <cmath>

#include "plots/number_format.h"

namespace quantscope {

double NumberTicker::getTickStep(const QCPRange& range) {
    setTickCount(maximum());
    return FittedTicker::getTickStep(range);
}

QString NumberTicker::getTickLabel(double tick, const QLocale&, QChar, int) {
    return formatNumber(std::abs(tick) < 1e-300 ? 0 : tick, 4);
}

double DecadeTicker::getTickStep(const QCPRange&) {
    return 1;
}

QVector<double> DecadeTicker::createTickVector(double, const QCPRange& range) {
    QVector<double> ticks;
    if (range.lower <= 0 || !(range.upper > range.lower)) return ticks;
    const int first = static_cast<int>(std::floor(std::log10(range.lower) + 1e-9));
    const int last = static_cast<int>(std::ceil(std::log10(range.upper) - 1e-9));
    const double decades = std::log10(range.upper / range.lower);
    const int every = std::max(1, static_cast<int>(std::ceil(decades / maximum())));
    for (int exponent = first; exponent <= last; ++exponent) {
        const double decade = std::pow(10.0, exponent);
        if (exponent % every == 0) ticks.append(decade);
        if (decades < 0.9 && maximum() >= 4) {
            for (const double m : {1.5, 2.0, 3.0, 5.0, 7.0}) ticks.append(m * decade);
        } else if (decades < 1.6 && maximum() >= 3) {
            for (const double m : {2.0, 5.0}) ticks.append(m * decade);
        } else if (decades < 2.6 && maximum() >= decades * 2) {
            ticks.append(3 * decade);
        }
    }
    return ticks;
}

QVector<double> DecadeTicker::createSubTickVector(int, const QVector<double>&) {
    return {};
}

QString DecadeTicker::getTickLabel(double tick, const QLocale&, QChar, int) {
    return formatNumber(tick, 2);
}

double LogCountTicker::getTickStep(const QCPRange&) {
    return 1;
}

QVector<double> LogCountTicker::createTickVector(double, const QCPRange& range) {
    QVector<double> ticks;
    const int last = static_cast<int>(range.upper);
    const int every = std::max(last > 4 ? 2 : 1, (last + maximum()) / maximum());
    for (int exponent = 0; exponent <= last; exponent += every)
        ticks.append(std::log10(1 + std::pow(10.0, exponent)));
    return ticks;
}

QVector<double> LogCountTicker::createSubTickVector(int, const QVector<double>&) {
    return {};
}

QString LogCountTicker::getTickLabel(double tick, const QLocale&, QChar, int) {
    const double count = std::round(std::pow(10.0, tick) - 1);
    if (count >= 1e6) return formatNumber(count / 1e6, 3) + QLatin1Char('M');
    if (count >= 1e4) return formatNumber(count / 1e3, 3) + QLatin1Char('k');
    return formatNumber(count, 3);
}

}  // namespace quantscope
