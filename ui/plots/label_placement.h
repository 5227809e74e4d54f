// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPointF>
#include <QRectF>
#include <QSizeF>
#include <vector>

namespace quantscope {

/// A point that wants a text beside it.
struct LabelRequest {
    QPointF point;
    QSizeF size;
};

/// One rectangle a request, greedily: the nearest of many places around the point that lies in `area` and
/// touches no rectangle of `taken` (points themselves count as taken). A label without any free place is
/// empty and is not drawn.
std::vector<QRectF> placeLabels(const std::vector<LabelRequest>& requests, const QRectF& area,
                                std::vector<QRectF> taken, double pointRadius);

}  // namespace quantscope
