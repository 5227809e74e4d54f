// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "base/result.h"
#include "kernels/integer_gemm.h"

namespace quantscope {

/// Another processor that a kernel table leaves its integer products to: a GPU. The contracts are those of
/// integer_gemm.h, with matrices in host memory; calls may come from several threads. What a device lacks
/// (W4A8, the 16-bit teaching kernel, everything in float) stays with the table's own functions.
class ProductDevice {
 public:
    virtual ~ProductDevice() = default;

    virtual Status sumInt8(const CodeView& x, const PackedInt8Weights& weights, int32_t* y,
                           int64_t yStride) = 0;
    virtual Status multiplyInt8(const CodeView& x, const PackedInt8Weights& weights,
                                const Int8Dequantize& dequantize, float* y, int64_t yStride) = 0;
    virtual Status multiplyInt4(const MatrixView& x, const PackedInt4Weights& weights, float* y,
                                int64_t yStride, const float* bias) = 0;
    virtual Status quantizeRows(const MatrixView& x, ActivationCodes kind, QuantizedRows& out,
                                const std::optional<StaticRange>& fixed) = 0;
};

/// A packed weight's copy in the memory of the device that multiplied it last. Thread-safe.
class DeviceCopy {
 public:
    /// The copy that `device` made, or null.
    std::shared_ptr<const void> find(const ProductDevice& device) const {
        const std::scoped_lock guard(m_lock);
        return m_device == &device ? m_copy : nullptr;
    }
    /// The copy must keep `device` from being replaced by another at the same address.
    void put(const ProductDevice& device, std::shared_ptr<const void> copy) {
        const std::scoped_lock guard(m_lock);
        m_device = &device;
        m_copy = std::move(copy);
    }

 private:
    mutable std::mutex m_lock;
    const ProductDevice* m_device = nullptr;
    std::shared_ptr<const void> m_copy;
};

}  // namespace quantscope
