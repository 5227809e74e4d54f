// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace quantscope::test {

/// True where the program was linked with cuda_fake_runtime.cpp, false with cuda_real_runtime.cpp.
bool fakesCudaRuntime();
/// From now on the call of that name fails with this code; an empty name: none does. Fake only.
void failCudaCall(const std::string& name, int code = 0);
/// What was wrong with how the runtime or a block was used; empty: nothing.
std::string cudaRuntimeComplaint();

}  // namespace quantscope::test
