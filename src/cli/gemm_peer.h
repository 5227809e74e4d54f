// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "kernels/integer_gemm.h"

namespace quantscope {

/// The library that `bench gemm` compares with: oneDNN's matrix product with the weight in whatever layout it
/// likes best, reordered once. No other part of the program uses it for integers.
class GemmPeer {
 public:
    /// "oneDNN 2.6.3", or empty where it was not found at build time.
    static std::string_view name();
    /// Prepares Y = X W^T for these operands; they must outlive the object. Unsupported without oneDNN.
    static Result<GemmPeer> create(const CodeView& x, const int8_t* weights, int64_t outputs, int32_t* y);

    GemmPeer(GemmPeer&&) noexcept;
    GemmPeer& operator=(GemmPeer&&) noexcept;
    ~GemmPeer();

    void run();

 private:
    struct Impl;
    explicit GemmPeer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

}  // namespace quantscope
