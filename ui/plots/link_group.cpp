// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/link_group.h"

namespace quantscope {

LinkGroup::LinkGroup(bool sharesY, QObject* parent) : QObject(parent), m_sharesY(sharesY) {}

void LinkGroup::setRanges(const AxisRange& x, const AxisRange& y, bool zoomed, const QObject* source) {
    Q_EMIT rangesChanged(x, y, zoomed, source);
}

void LinkGroup::setCrosshair(double x, double y, const QObject* source) {
    Q_EMIT crosshairMoved(x, y, source);
}

void LinkGroup::clearCrosshair(const QObject* source) {
    Q_EMIT crosshairCleared(source);
}

}  // namespace quantscope
