// SPDX-License-Identifier: Apache-2.0
#include "cuda_fake_runtime.h"

namespace quantscope::test {

bool fakesCudaRuntime() {
    return false;
}

void failCudaCall(const std::string&, int) {}

std::string cudaRuntimeComplaint() {
    return {};
}

}  // namespace quantscope::test
