// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace quantscope {

/// A float matrix somewhere in memory: `rows` x `cols`, consecutive rows `stride` >= cols elements apart.
struct MatrixView {
    const float* data = nullptr;
    int64_t rows = 0;
    int64_t cols = 0;
    int64_t stride = 0;

    [[nodiscard]] const float* row(int64_t r) const { return data + r * stride; }
    [[nodiscard]] float at(int64_t r, int64_t c) const { return data[r * stride + c]; }
    [[nodiscard]] int64_t size() const { return rows * cols; }
    [[nodiscard]] bool contiguous() const { return stride == cols || rows <= 1; }
};

}  // namespace quantscope
