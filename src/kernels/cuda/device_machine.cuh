// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/cuda/int8_tile.h"

namespace quantscope::cuda {

/// The machine of a GPU (see int8_tile.h): every thread has its own, and runs its own part of each phase.
class DeviceMachine {
 public:
    template <class R>
    struct Registers {
        R value;
        __device__ __forceinline__ explicit Registers(const DeviceMachine&) {}
    };

    __device__ __forceinline__ explicit DeviceMachine(unsigned char* shared)
        : m_shared(shared), m_address(static_cast<uint32_t>(__cvta_generic_to_shared(shared))) {}

    __device__ __forceinline__ int blockX() const { return static_cast<int>(blockIdx.x); }
    __device__ __forceinline__ int blockY() const { return static_cast<int>(blockIdx.y); }

    template <class R, class F>
    __device__ __forceinline__ void eachThread(Registers<R>& registers, const F& f) {
        f(static_cast<int>(threadIdx.x), registers.value);
    }
    __device__ __forceinline__ void barrier() { __syncthreads(); }

    __device__ __forceinline__ void copyAsync(int, int offset, const void* source, int bytes) {
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(at(offset)), "l"(source),
                     "r"(bytes)
                     : "memory");
    }
    __device__ __forceinline__ void commitCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
    template <int kStillGoing>
    __device__ __forceinline__ void waitForCopies() {
        asm volatile("cp.async.wait_group %0;" ::"n"(kStillGoing) : "memory");
    }

    template <class R, class Address, class Target>
    __device__ __forceinline__ void loadMatrices(Registers<R>& registers, const Address& address,
                                                 const Target& target) {
        const int offset = address(static_cast<int>(threadIdx.x), registers.value);
        uint32_t* to = target(registers.value);
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                     : "r"(at(offset))
                     : "memory");
    }
    template <bool kSignedX, class R, class Operands>
    __device__ __forceinline__ void multiply(Registers<R>& registers, const Operands& operands) {
        const MmaOperands o = operands(registers.value);
        if constexpr (kSignedX) {
            asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
                "{%8, %9}, {%0, %1, %2, %3};"
                : "+r"(o.sums[0]), "+r"(o.sums[1]), "+r"(o.sums[2]), "+r"(o.sums[3])
                : "r"(o.a[0]), "r"(o.a[1]), "r"(o.a[2]), "r"(o.a[3]), "r"(o.b[0]), "r"(o.b[1]));
        } else {
            asm("mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
                "{%8, %9}, {%0, %1, %2, %3};"
                : "+r"(o.sums[0]), "+r"(o.sums[1]), "+r"(o.sums[2]), "+r"(o.sums[3])
                : "r"(o.a[0]), "r"(o.a[1]), "r"(o.a[2]), "r"(o.a[3]), "r"(o.b[0]), "r"(o.b[1]));
        }
    }

    __device__ __forceinline__ void storeShared(int, int offset, uint32_t word) {
        *reinterpret_cast<uint32_t*>(m_shared + offset) = word;
    }
    __device__ __forceinline__ uint32_t loadShared(int, int offset) const {
        return *reinterpret_cast<const uint32_t*>(m_shared + offset);
    }
    template <bool kSignedX>
    static __device__ __forceinline__ int32_t dot(uint32_t x, uint32_t w, int32_t sum) {
        int32_t result = 0;
        if constexpr (kSignedX) {
            asm("dp4a.s32.s32 %0, %1, %2, %3;" : "=r"(result) : "r"(x), "r"(w), "r"(sum));
        } else {
            asm("dp4a.u32.s32 %0, %1, %2, %3;" : "=r"(result) : "r"(x), "r"(w), "r"(sum));
        }
        return result;
    }

    /// Halves of the warp exchange until all lanes have all: lane l combines with lane l ^ 16, 8, 4, 2, 1.
    template <class R, class Value, class Combine>
    __device__ __forceinline__ void reduce(Registers<R>& registers, const Value& value,
                                           const Combine& combine) {
        auto& mine = value(registers.value);
        QUANTSCOPE_UNROLL
        for (int distance = kWarpThreads / 2; distance > 0; distance /= 2) {
            mine = combine(mine, __shfl_xor_sync(0xFFFFFFFFU, mine, distance));
        }
    }
    static __device__ __forceinline__ void lowerTo(int64_t* p, int64_t value) {
        atomicMin(reinterpret_cast<long long*>(p), static_cast<long long>(value));
    }

 private:
    __device__ __forceinline__ uint32_t at(int offset) const {
        return m_address + static_cast<uint32_t>(offset);
    }

    unsigned char* m_shared;
    uint32_t m_address;
};

/// The shared memory of a launch.
__device__ __forceinline__ unsigned char* sharedMemory() {
    extern __shared__ __align__(128) unsigned char shared[];
    return shared;
}

}  // namespace quantscope::cuda
