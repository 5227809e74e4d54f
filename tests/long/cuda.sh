#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# CUDA kernels compiled for every architecture; on a device where there is one, with a runtime in host memory in any case.
set -eu
if ! command -v nvcc >/dev/null 2>&1 && [ ! -x /usr/local/cuda/bin/nvcc ]; then
    echo "nvcc is not installed: the kernels ran on an emulated GPU alone (part tests)." >&2
    exit 77
fi
sh tests/build_preset.sh cuda test_kernels_cuda_tiles test_kernels_cuda_rows test_kernels_cuda_device_real \
    test_kernels_cuda_device_fake bench_cuda
ctest --test-dir build/cuda --output-on-failure -R test_kernels_cuda
build/cuda/bin/bench_cuda
