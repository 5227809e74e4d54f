// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "plots/plot_view.h"

namespace quantscope {

struct KlRow {
    int variant = 1;
    QString name;
    double median = 0;
    double p90 = 0;
    double p99 = 0;
    double p999 = 0;
    double mean = 0;
    double top1Agreement = 1;  ///< share of tokens
};

/// KL divergence to the reference over tokens: four percentiles a variant on a logarithmic axis.
class KlView : public PlotView {
    Q_OBJECT
 public:
    explicit KlView(ThemeController* themes, QWidget* parent = nullptr);
    void setRows(std::vector<KlRow> rows, bool complete = true);
    [[nodiscard]] PlotTable table() const override;

 protected:
    void paintData(QPainter& painter, const QRect& area) override;
    void paintMargins(QPainter& painter, const QRect& area) override;
    [[nodiscard]] QString hoverText(double x, double y) const override;
    [[nodiscard]] QString crosshairText(double x, double y) const override;

 private:
    [[nodiscard]] int rowCentre(const QRect& area, size_t index) const;
    void paintRow(QPainter& painter, const QRect& area, size_t index) const;
    void paintBeside(QPainter& painter, const QRect& area, int y, double left, double right,
                     const QStringList& texts) const;

    std::vector<KlRow> m_rows;
    bool m_complete = true;
};

}  // namespace quantscope
