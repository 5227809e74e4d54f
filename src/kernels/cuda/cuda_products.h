// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/product_device.h"

namespace quantscope {

/// The GPU `index` as a ProductDevice. A weight is sent there at its first product and stays as long as the
/// packed weight lives. Errors as CudaDevice::open.
Result<std::shared_ptr<ProductDevice>> openCudaProducts(int index);

}  // namespace quantscope
