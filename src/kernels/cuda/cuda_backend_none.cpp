// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/cuda_backend.h"

namespace quantscope {
namespace {

tl::unexpected<Error> noCuda() {
    return fail(ErrorKind::Unsupported, "this program was built without CUDA", "cuda",
                "Configure with -DQUANTSCOPE_CUDA=ON where the CUDA toolkit is installed.");
}

}  // namespace

Result<std::vector<CudaDeviceInfo>> listCudaDevices() {
    return noCuda();
}

Result<CudaDevice> CudaDevice::open(int, const CudaDeviceOptions&) {
    return noCuda();
}

Result<CudaInt8Weights> CudaInt8Weights::upload(const CudaDevice&, const int8_t*, int64_t, int64_t, int64_t) {
    return noCuda();
}

Result<CudaInt4Weights> CudaInt4Weights::upload(const CudaDevice&, const Int4Source&) {
    return noCuda();
}

Status multiplyInt8(const CudaDevice&, const CodeView&, const CudaInt8Weights&, int32_t*, int64_t,
                    CudaTiming*) {
    return noCuda();
}

Status multiplyInt8(const CudaDevice&, const CodeView&, const CudaInt8Weights&, const Int8Dequantize&, float*,
                    int64_t, CudaTiming*) {
    return noCuda();
}

Status multiplyInt4(const CudaDevice&, const MatrixView&, const CudaInt4Weights&, float*, int64_t,
                    const float*, CudaTiming*) {
    return noCuda();
}

Status quantizeRows(const CudaDevice&, const MatrixView&, ActivationCodes, QuantizedRows&,
                    const std::optional<StaticRange>&, CudaTiming*) {
    return noCuda();
}

Status dequantizeRows(const CudaDevice&, const QuantizedRows&, float*, CudaTiming*) {
    return noCuda();
}

}  // namespace quantscope
