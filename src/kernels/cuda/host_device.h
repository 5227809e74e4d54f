// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What nvcc and an ordinary compiler read alike. Index and tile logic is QUANTSCOPE_HOST_DEVICE; the
/// kernels' bodies are templates over a machine (see machine in int8_tile.h): a GPU's threads, or the tests'
/// emulation of them.
#if defined(__CUDACC__)
#define QUANTSCOPE_HOST_DEVICE __host__ __device__
#define QUANTSCOPE_KERNEL_BODY __device__ __forceinline__
#define QUANTSCOPE_UNROLL _Pragma("unroll")
#else
#define QUANTSCOPE_HOST_DEVICE
#define QUANTSCOPE_KERNEL_BODY inline
#define QUANTSCOPE_UNROLL
#endif
