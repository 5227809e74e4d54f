// SPDX-License-Identifier: GPL-3.0-or-later
// Private to ui/plots.
#pragma once

#include <qcustomplot.h>

namespace quantscope {

/// Linear ticks with numbers in our form (12,000; 1e-3; 0.25).
class NumberTicker : public QCPAxisTicker {
 public:
    explicit NumberTicker(int count);

 protected:
    QString getTickLabel(double tick, const QLocale& locale, QChar format, int precision) override;
};

/// Ticks of a logarithmic axis: every decade, every n-th when there are many, 1-2-5 when there is less than
/// two.
class DecadeTicker : public QCPAxisTicker {
 public:
    explicit DecadeTicker(int maximumLabels);

 protected:
    double getTickStep(const QCPRange& range) override;
    QVector<double> createTickVector(double step, const QCPRange& range) override;
    QVector<double> createSubTickVector(int count, const QVector<double>& ticks) override;
    QString getTickLabel(double tick, const QLocale& locale, QChar format, int precision) override;

 private:
    int m_maximumLabels;
};

/// Ticks of a linear axis that shows log10(1 + count): 1, 10, 100, ... as counts.
class LogCountTicker : public QCPAxisTicker {
 protected:
    double getTickStep(const QCPRange& range) override;
    QVector<double> createTickVector(double step, const QCPRange& range) override;
    QVector<double> createSubTickVector(int count, const QVector<double>& ticks) override;
    QString getTickLabel(double tick, const QLocale& locale, QChar format, int precision) override;
};

/// Ticks at given positions with given texts.
class TextTicker : public QCPAxisTickerText {};

}  // namespace quantscope
