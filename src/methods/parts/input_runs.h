// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/parallel_for.h"
#include "methods/parts/stored_values.h"
#include "tensor/tensor.h"

namespace quantscope {

/// Runs of `size` inputs in a row of `cols`; the last one may be shorter.
inline int64_t runsIn(int64_t cols, int64_t size) {
    return (cols + size - 1) / size;
}

/// body(values, count, results) for each run of `size` inputs of each row.
template <class Body>
FloatBuffer forRuns(const MatrixView& w, int64_t size, const Body& body) {
    FloatBuffer values = floatBuffer(w.size());
    parallelFor(w.rows, 16, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r)
            for (int64_t c = 0; c < w.cols; c += size)
                body(w.row(r) + c, std::min(size, w.cols - c), values.get() + r * w.cols + c);
    });
    return values;
}

}  // namespace quantscope
