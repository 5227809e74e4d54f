// SPDX-License-Identifier: GPL-3.0-or-later
// Private to ui/plots.
#pragma once

#include <qcustomplot.h>

#include <algorithm>

namespace quantscope {

/// A ticker that shows fewer labels where an axis is short.
class FittedTicker : public QCPAxisTicker {
 public:
    explicit FittedTicker(int wanted) : m_wanted(wanted), m_maximum(wanted) {}
    /// Room for so many labels, at least one.
    void fit(int room) { m_maximum = std::clamp(room, 1, m_wanted); }

 protected:
    [[nodiscard]] int maximum() const { return m_maximum; }

 private:
    int m_wanted;
    int m_maximum;
};

/// Linear ticks with numbers in our form (12,000; 1e-3; 0.25).
class NumberTicker : public FittedTicker {
 public:
    explicit NumberTicker(int count) : FittedTicker(count) {}

 protected:
    double getTickStep(const QCPRange& range) override;
    QString getTickLabel(double tick, const QLocale& locale, QChar format, int precision) override;
};

/// Ticks of a logarithmic axis: every decade, every n-th when there are many, 1-2-5 when there is less than
/// two.
class DecadeTicker : public FittedTicker {
 public:
    explicit DecadeTicker(int maximumLabels) : FittedTicker(maximumLabels) {}

 protected:
    double getTickStep(const QCPRange& range) override;
    QVector<double> createTickVector(double step, const QCPRange& range) override;
    QVector<double> createSubTickVector(int count, const QVector<double>& ticks) override;
    QString getTickLabel(double tick, const QLocale& locale, QChar format, int precision) override;
};

/// Ticks of a linear axis that shows log10(1 + count): 1, 10, 100, ... as counts.
class LogCountTicker : public FittedTicker {
 public:
    LogCountTicker() : FittedTicker(6) {}

 protected:
    double getTickStep(const QCPRange& range) override;
    QVector<double> createTickVector(double step, const QCPRange& range) override;
    QVector<double> createSubTickVector(int count, const QVector<double>& ticks) override;
    QString getTickLabel(double tick, const QLocale& locale, QChar format, int precision) override;
};

/// Ticks at given positions with given texts.
class TextTicker : public QCPAxisTickerText {};

}  // namespace quantscope
