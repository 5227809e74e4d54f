// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/parallel_for.h"
#include "kernels/packed_integer.h"

namespace quantscope {

/// How a product X [m x k] W^T [k x n] is cut into tasks: blocks of rows that stay in the second-level cache,
/// times runs of panels of 32 columns.
struct ProductPlan {
    int64_t rowsAtOnce = 1;
    int64_t rowBlocks = 1;
    int64_t panels = 1;
    int64_t panelsAtOnce = 1;
    int64_t runs = 1;

    [[nodiscard]] int64_t tasks() const { return rowBlocks * runs; }
    [[nodiscard]] int64_t firstRow(int64_t task) const { return task / runs * rowsAtOnce; }
    [[nodiscard]] int64_t firstPanel(int64_t task) const { return task % runs * panelsAtOnce; }
    [[nodiscard]] int64_t lastPanel(int64_t task) const {
        return std::min(panels, firstPanel(task) + panelsAtOnce);
    }
};

/// What a kind of product asks of its plan.
struct PlanLimits {
    int64_t fittingRows = 1;  ///< rows of a block, whole tiles
    int64_t tileRows = 1;     ///< blocks are cut at multiples of it
    int64_t work = 0;         ///< multiply-adds, or what weighs as much
    int64_t small = 0;        ///< below: waking another thread costs more than the product
    int64_t large = 0;        ///< from here on: tasks enough to balance a busy machine
};

inline ProductPlan planProduct(int64_t m, int64_t n, const PlanLimits& limits) {
    const auto parts = [](int64_t whole, int64_t part) { return (whole + part - 1) / part; };
    ProductPlan plan;
    plan.rowBlocks = parts(m, limits.fittingRows);
    plan.rowsAtOnce = std::min(m, roundUp(parts(m, plan.rowBlocks), limits.tileRows));
    plan.rowBlocks = parts(m, plan.rowsAtOnce);
    plan.panels = parts(n, kPanelColumns);
    const int64_t threads = threadCount();
    const int64_t wanted = limits.work < limits.small   ? 1
                           : limits.work < limits.large ? threads
                                                        : 4 * threads;
    const int64_t runs = std::clamp<int64_t>(parts(wanted, plan.rowBlocks), 1, plan.panels);
    plan.panelsAtOnce = parts(plan.panels, runs);
    plan.runs = parts(plan.panels, plan.panelsAtOnce);
    return plan;
}

}  // namespace quantscope
