// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/cuda_products.h"

#include <mutex>
#include <utility>
#include <vector>

#include "kernels/packed_integer.h"

namespace quantscope {
namespace {

/// A weight's copy; holds the device, so that no other can take its address while the copy lives.
template <class Weights>
struct Sent {
    std::shared_ptr<const ProductDevice> device;
    Weights weights;
};

class CudaProducts : public ProductDevice, public std::enable_shared_from_this<CudaProducts> {
 public:
    explicit CudaProducts(CudaDevice device) : m_device(std::move(device)) {}

    Status sumInt8(const CodeView& x, const PackedInt8Weights& weights, int32_t* y,
                   int64_t yStride) override {
        const std::scoped_lock guard(m_lock);
        const auto sent = send(weights);
        if (!sent) return fail(sent.error());
        return quantscope::multiplyInt8(m_device, x, (*sent)->weights, y, yStride);
    }

    Status multiplyInt8(const CodeView& x, const PackedInt8Weights& weights, const Int8Dequantize& dequantize,
                        float* y, int64_t yStride) override {
        const std::scoped_lock guard(m_lock);
        const auto sent = send(weights);
        if (!sent) return fail(sent.error());
        return quantscope::multiplyInt8(m_device, x, (*sent)->weights, dequantize, y, yStride);
    }

    Status multiplyInt4(const MatrixView& x, const PackedInt4Weights& weights, float* y, int64_t yStride,
                        const float* bias) override {
        const std::scoped_lock guard(m_lock);
        const auto sent = send(weights);
        if (!sent) return fail(sent.error());
        return quantscope::multiplyInt4(m_device, x, (*sent)->weights, y, yStride, bias);
    }

    Status quantizeRows(const MatrixView& x, ActivationCodes kind, QuantizedRows& out,
                        const std::optional<StaticRange>& fixed) override {
        const std::scoped_lock guard(m_lock);
        return quantscope::quantizeRows(m_device, x, kind, out, fixed);
    }

 private:
    template <class Weights>
    using Found = Result<std::shared_ptr<const Sent<Weights>>>;

    template <class Weights, class Packed>
    Found<Weights> keep(const Packed& packed, Result<Weights> uploaded) {
        if (!uploaded) return fail(uploaded.error());
        auto sent =
            std::make_shared<const Sent<Weights>>(Sent<Weights>{shared_from_this(), std::move(*uploaded)});
        packed.data().onDevice.put(*this, sent);
        return sent;
    }

    Found<CudaInt8Weights> send(const PackedInt8Weights& packed) {
        if (auto found = packed.data().onDevice.find(*this))
            return std::static_pointer_cast<const Sent<CudaInt8Weights>>(found);
        const std::vector<int8_t> codes = unpackInt8(packed);
        return keep(packed,
                    CudaInt8Weights::upload(m_device, codes.data(), packed.outputs(), packed.inputs()));
    }

    Found<CudaInt4Weights> send(const PackedInt4Weights& packed) {
        if (auto found = packed.data().onDevice.find(*this))
            return std::static_pointer_cast<const Sent<CudaInt4Weights>>(found);
        const UnpackedInt4 parts = unpackInt4(packed);
        return keep(packed, CudaInt4Weights::upload(m_device, parts.source()));
    }

    CudaDevice m_device;
    std::mutex m_lock;  ///< a device takes one thread at a time
};

}  // namespace

Result<std::shared_ptr<ProductDevice>> openCudaProducts(int index) {
    auto device = CudaDevice::open(index);
    if (!device) return fail(device.error());
    return std::make_shared<CudaProducts>(std::move(*device));
}

}  // namespace quantscope
