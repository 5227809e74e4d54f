// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>

namespace quantscope {

/// Closed range of an axis in data units.
struct AxisRange {
    double lower = 0;
    double upper = 1;
    bool operator==(const AxisRange&) const = default;
    [[nodiscard]] double size() const { return upper - lower; }
};

/// Side-by-side plots that zoom and point together: they share the x range (and the y range for maps) and the
/// crosshair's position. Every member sets and listens; `source` tells who began, so that nobody answers
/// itself.
class LinkGroup : public QObject {
    Q_OBJECT
 public:
    explicit LinkGroup(bool sharesY = false, QObject* parent = nullptr);

    [[nodiscard]] bool sharesY() const { return m_sharesY; }
    void setRanges(const AxisRange& x, const AxisRange& y, bool zoomed, const QObject* source);
    void setCrosshair(double x, double y, const QObject* source);
    void clearCrosshair(const QObject* source);

 Q_SIGNALS:
    void rangesChanged(const quantscope::AxisRange& x, const quantscope::AxisRange& y, bool zoomed,
                       const QObject* source);
    void crosshairMoved(double x, double y, const QObject* source);
    void crosshairCleared(const QObject* source);

 private:
    bool m_sharesY;
};

}  // namespace quantscope
