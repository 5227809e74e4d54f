// SPDX-License-Identifier: GPL-3.0-or-later
#include "plots/label_placement.h"

#include <algorithm>

namespace quantscope {

namespace {

bool isFree(const QRectF& box, const std::vector<QRectF>& taken) {
    return std::none_of(taken.begin(), taken.end(),
                        [&box](const QRectF& other) { return other.intersects(box); });
}

QRectF centredAt(double x, double y, const QSizeF& size) {
    return {x - size.width() / 2, y - size.height() / 2, size.width(), size.height()};
}

/// Above, below, right, left, then the four diagonals, at growing distances.
QRectF place(const LabelRequest& request, const QRectF& area, const std::vector<QRectF>& taken,
             double radius) {
    const double w = request.size.width() / 2;
    const double h = request.size.height() / 2;
    for (int ring = 0; ring < 7; ++ring) {
        const double gap = radius + 2 + ring * h * 1.3;
        const QPointF offsets[] = {{0, -gap - h}, {0, gap + h}, {gap + w, 0},   {-gap - w, 0},
                                   {w, -gap - h}, {w, gap + h}, {-w, -gap - h}, {-w, gap + h}};
        for (const QPointF& offset : offsets) {
            const QRectF box =
                centredAt(request.point.x() + offset.x(), request.point.y() + offset.y(), request.size);
            if (area.contains(box) && isFree(box, taken)) return box;
        }
    }
    return {};
}

}  // namespace

std::vector<QRectF> placeLabels(const std::vector<LabelRequest>& requests, const QRectF& area,
                                std::vector<QRectF> taken, double pointRadius) {
    for (const LabelRequest& request : requests)
        taken.push_back(centredAt(request.point.x(), request.point.y(), {2 * pointRadius, 2 * pointRadius}));
    std::vector<QRectF> boxes;
    for (const LabelRequest& request : requests) {
        boxes.push_back(place(request, area, taken, pointRadius));
        if (!boxes.back().isEmpty()) taken.push_back(boxes.back());
    }
    return boxes;
}

}  // namespace quantscope
