// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/cuda/int8_tile.h"

namespace quantscope::test {

/// A block's shared memory that knows who touched which byte since the last barrier, and which bytes wait for
/// a copy: what a GPU would leave to chance is an error here.
class WatchedMemory {
 public:
    explicit WatchedMemory(int bytes) : m_bytes(static_cast<size_t>(bytes)) {}

    void barrier() { ++m_phase; }

    void read(int thread, int offset, void* to, int count) {
        for (int i = 0; i < count; ++i) {
            Byte* byte = at(offset + i);
            if (byte == nullptr) return;
            if (byte->pending) return complain("thread {} reads a copy on its way at {}", thread, offset);
            if (!byte->defined) return complain("thread {} reads what nobody wrote at {}", thread, offset);
            if (byte->writePhase == m_phase && byte->writer != thread)
                return complain("thread {} reads without a barrier at {}", thread, offset);
            const bool again = byte->readPhase == m_phase;
            byte->reader = again && byte->reader != thread ? kSeveral : thread;
            byte->readPhase = m_phase;
            static_cast<uint8_t*>(to)[i] = byte->value;
        }
    }

    void write(int thread, int offset, const void* from, int count) {
        for (int i = 0; i < count; ++i) {
            Byte* byte = claim(thread, offset + i);
            if (byte == nullptr) return;
            byte->value = static_cast<const uint8_t*>(from)[i];
            byte->defined = true;
        }
    }

    /// A copy has begun: the bytes are nobody's until it lands.
    void expect(int thread, int offset, int count) {
        for (int i = 0; i < count; ++i) {
            Byte* byte = claim(thread, offset + i);
            if (byte == nullptr) return;
            byte->pending = true;
        }
    }
    void land(int thread, int offset, const void* from, int count) {
        for (int i = 0; i < count; ++i) {
            Byte* byte = at(offset + i);
            if (byte == nullptr) return;
            *byte = {static_cast<const uint8_t*>(from)[i], true, false, thread, kNobody, m_phase, 0};
        }
    }

    [[nodiscard]] const std::string& error() const { return m_error; }
    void complain(const char* format, int thread, int offset) {
        if (m_error.empty()) m_error = fmt::format(fmt::runtime(format), thread, offset);
    }

 private:
    static constexpr int kNobody = -1;
    static constexpr int kSeveral = -2;
    struct Byte {
        uint8_t value = 0;
        bool defined = false;
        bool pending = false;
        int writer = kNobody;
        int reader = kNobody;
        int64_t writePhase = 0;
        int64_t readPhase = 0;
    };

    Byte* at(int offset) {
        if (offset >= 0 && offset < static_cast<int>(m_bytes.size()))
            return &m_bytes[static_cast<size_t>(offset)];
        complain("thread {} goes beyond shared memory at {}", kNobody, offset);
        return nullptr;
    }
    Byte* claim(int thread, int offset) {
        Byte* byte = at(offset);
        if (byte == nullptr) return nullptr;
        if (byte->pending) complain("thread {} overwrites a copy on its way at {}", thread, offset);
        if (byte->readPhase == m_phase && byte->reader != thread)
            complain("thread {} overwrites what others may still read at {}", thread, offset);
        if (byte->writePhase == m_phase && byte->writer != thread)
            complain("threads {} and another write at {}", thread, offset);
        byte->writer = thread;
        byte->writePhase = m_phase;
        return byte;
    }

    std::vector<Byte> m_bytes;
    int64_t m_phase = 1;
    std::string m_error;
};

/// The machine of kernels/cuda/int8_tile.h on a CPU: one block, its threads in turn (backwards when asked,
/// since their order must not matter). The warp's instructions follow the PTX ISA's own wording, element by
/// element.
class HostMachine {
 public:
    HostMachine(int x, int y, int threads, int sharedBytes, bool backwards)
        : m_x(x), m_y(y), m_threads(threads), m_backwards(backwards), m_shared(sharedBytes) {
        m_copies.resize(static_cast<size_t>(threads));
    }

    template <class R>
    struct Registers {
        std::vector<R> all;
        explicit Registers(const HostMachine& machine) : all(static_cast<size_t>(machine.m_threads)) {}
        R& operator[](int thread) { return all[static_cast<size_t>(thread)]; }
    };

    [[nodiscard]] int blockX() const { return m_x; }
    [[nodiscard]] int blockY() const { return m_y; }
    [[nodiscard]] const std::string& error() const { return m_shared.error(); }
    /// Rows of matrix loads that lay in the same banks as another of their eight.
    [[nodiscard]] int64_t bankConflicts() const { return m_conflicts; }

    template <class R, class F>
    void eachThread(Registers<R>& registers, const F& f) {
        for (int i = 0; i < m_threads; ++i) {
            const int thread = m_backwards ? m_threads - 1 - i : i;
            f(thread, registers[thread]);
        }
    }
    void barrier() { m_shared.barrier(); }

    void copyAsync(int thread, int offset, const void* source, int bytes) {
        Copy copy{offset, source, bytes};
        if (offset % 16 != 0 || bytes < 0 || bytes > 16)
            m_shared.complain("thread {}: a copy of 16 bytes to {}", thread, offset);
        if (bytes > 0 && reinterpret_cast<uintptr_t>(source) % 16 != 0)
            m_shared.complain("thread {}: a copy from an odd address to {}", thread, offset);
        m_shared.expect(thread, offset, 16);
        m_copies[static_cast<size_t>(thread)].open.push_back(copy);
    }
    void commitCopies() {
        for (Copies& copies : m_copies) {
            copies.groups.push_back(copies.open);
            copies.open.clear();
        }
    }
    /// Copies land as late as they may: what reads earlier is an error.
    template <int kStillGoing>
    void waitForCopies() {
        for (int thread = 0; thread < m_threads; ++thread) {
            auto& groups = m_copies[static_cast<size_t>(thread)].groups;
            while (groups.size() > kStillGoing) {
                for (const Copy& copy : groups.front()) {
                    std::array<uint8_t, 16> landed{};
                    if (copy.bytes > 0)
                        std::memcpy(landed.data(), copy.source, static_cast<size_t>(copy.bytes));
                    m_shared.land(thread, copy.offset, landed.data(), 16);
                }
                groups.erase(groups.begin());
            }
        }
    }

    /// ldmatrix.x4: thread l of a warp names row l % 8 of matrix l / 8; each thread receives from row l / 4
    /// the two 16-bit elements 2 (l % 4) and 2 (l % 4) + 1 of every matrix.
    template <class R, class Address, class Target>
    void loadMatrices(Registers<R>& registers, const Address& address, const Target& target) {
        for (int warp = 0; warp < m_threads; warp += 32) {
            std::array<std::array<std::array<uint8_t, 16>, 8>, 4> matrices{};
            for (int matrix = 0; matrix < 4; ++matrix) {
                int banks = 0;
                for (int row = 0; row < 8; ++row) {
                    const int thread = warp + 8 * matrix + row;
                    const int offset = address(thread, registers[thread]);
                    auto& to = matrices[static_cast<size_t>(matrix)][static_cast<size_t>(row)];
                    if (offset % 16 != 0) m_shared.complain("thread {} loads an odd row {}", thread, offset);
                    m_shared.read(thread, offset, to.data(), 16);
                    const int four = 1 << (offset / 16 % 8);
                    m_conflicts += (banks & four) != 0 ? 1 : 0;
                    banks |= four;
                }
            }
            for (int lane = 0; lane < 32; ++lane) {
                uint32_t* to = target(registers[warp + lane]);
                for (size_t matrix = 0; matrix < 4; ++matrix) {
                    const auto& row = matrices[matrix][static_cast<size_t>(lane / 4)];
                    std::memcpy(to + matrix, row.data() + static_cast<size_t>(lane % 4) * 4, 4);
                }
            }
        }
    }

    /// mma.sync.aligned.m16n8k32.row.col.s32.{s8,u8}.s8.s32, from the PTX ISA's fragment tables: element i of
    /// A lies in row groupID (i < 4 or 8 <= i < 12) or groupID + 8, column 4 threadID_in_group + i % 4 (+ 16
    /// from i = 8); of B in row 4 threadID_in_group + i % 4 (+ 16 from i = 4), column groupID; of C in row
    /// groupID (i < 2) or groupID + 8, column 2 threadID_in_group + i % 2.
    template <bool kSignedX, class R, class Operands>
    void multiply(Registers<R>& registers, const Operands& operands) {
        for (int warp = 0; warp < m_threads; warp += 32) {
            std::array<std::array<int32_t, 32>, 16> a{};
            std::array<std::array<int32_t, 32>, 8> b{};  // by columns
            for (int lane = 0; lane < 32; ++lane) {
                const quantscope::cuda::MmaOperands o = operands(registers[warp + lane]);
                const int group = lane / 4;
                const int inGroup = lane % 4;
                for (int i = 0; i < 16; ++i) {
                    const int row = i < 4 || (i >= 8 && i < 12) ? group : group + 8;
                    const int column = 4 * inGroup + i % 4 + (i >= 8 ? 16 : 0);
                    const auto byte = static_cast<uint8_t>(o.a[i / 4] >> (8 * (i % 4)));
                    a[static_cast<size_t>(row)][static_cast<size_t>(column)] =
                        kSignedX ? int32_t{static_cast<int8_t>(byte)} : int32_t{byte};
                }
                for (int i = 0; i < 8; ++i) {
                    const int row = 4 * inGroup + i % 4 + (i >= 4 ? 16 : 0);
                    b[static_cast<size_t>(group)][static_cast<size_t>(row)] =
                        int32_t{static_cast<int8_t>(o.b[i / 4] >> (8 * (i % 4)))};
                }
            }
            for (int lane = 0; lane < 32; ++lane) {
                const quantscope::cuda::MmaOperands o = operands(registers[warp + lane]);
                for (int i = 0; i < 4; ++i) {
                    const int row = i < 2 ? lane / 4 : lane / 4 + 8;
                    const int column = 2 * (lane % 4) + i % 2;
                    auto sum = static_cast<uint32_t>(o.sums[i]);
                    for (size_t k = 0; k < 32; ++k) {
                        sum += static_cast<uint32_t>(a[static_cast<size_t>(row)][k] *
                                                     b[static_cast<size_t>(column)][k]);
                    }
                    o.sums[i] = static_cast<int32_t>(sum);
                }
            }
        }
    }

    void storeShared(int thread, int offset, uint32_t word) { m_shared.write(thread, offset, &word, 4); }
    uint32_t loadShared(int thread, int offset) {
        uint32_t word = 0;
        m_shared.read(thread, offset, &word, 4);
        return word;
    }
    /// dp4a.
    template <bool kSignedX>
    static int32_t dot(uint32_t x, uint32_t w, int32_t sum) {
        auto result = static_cast<uint32_t>(sum);
        for (int byte = 0; byte < 4; ++byte) {
            const auto code = static_cast<uint8_t>(x >> (8 * byte));
            const int32_t factor = kSignedX ? int32_t{static_cast<int8_t>(code)} : int32_t{code};
            result += static_cast<uint32_t>(factor * static_cast<int8_t>(w >> (8 * byte)));
        }
        return static_cast<int32_t>(result);
    }

    /// __shfl_xor_sync by 16, 8, 4, 2, 1.
    template <class R, class Value, class Combine>
    void reduce(Registers<R>& registers, const Value& value, const Combine& combine) {
        for (int distance = 16; distance > 0; distance /= 2) {
            Registers<R> before = registers;
            for (int thread = 0; thread < m_threads; ++thread) {
                value(registers[thread]) = combine(value(before[thread]), value(before[thread ^ distance]));
            }
        }
    }
    static void lowerTo(int64_t* p, int64_t value) { *p = value < *p ? value : *p; }

 private:
    struct Copy {
        int offset;
        const void* source;
        int bytes;
    };
    struct Copies {
        std::vector<Copy> open;
        std::vector<std::vector<Copy>> groups;
    };

    int m_x;
    int m_y;
    int m_threads;
    bool m_backwards;
    WatchedMemory m_shared;
    std::vector<Copies> m_copies;
    int64_t m_conflicts = 0;
};

/// A launch: every block in turn. The first error of a block, else empty.
template <class Body>
std::string runGrid(quantscope::cuda::Grid grid, int threads, int sharedBytes, bool backwards,
                    const Body& body) {
    for (int y = 0; y < grid.y; ++y) {
        for (int x = 0; x < grid.x; ++x) {
            HostMachine machine(x, y, threads, sharedBytes, backwards);
            body(machine);
            if (!machine.error().empty()) return fmt::format("block {}, {}: {}", x, y, machine.error());
            if (machine.bankConflicts() != 0)
                return fmt::format("{} bank conflicts", machine.bankConflicts());
        }
    }
    return {};
}

}  // namespace quantscope::test
