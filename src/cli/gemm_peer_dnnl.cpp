// SPDX-License-Identifier: Apache-2.0
#include <oneapi/dnnl/dnnl.hpp>
#include <utility>

#include "cli/gemm_peer.h"

#define QUANTSCOPE_TEXT_OF(x) #x
#define QUANTSCOPE_TEXT(x) QUANTSCOPE_TEXT_OF(x)

namespace quantscope {

using dnnl::memory;

struct GemmPeer::Impl {
    dnnl::engine engine{dnnl::engine::kind::cpu, 0};
    dnnl::stream stream{engine};
    dnnl::matmul product;
    memory x, weights, y;
};

std::string_view GemmPeer::name() {
    return "oneDNN " QUANTSCOPE_TEXT(DNNL_VERSION_MAJOR) "." QUANTSCOPE_TEXT(
        DNNL_VERSION_MINOR) "." QUANTSCOPE_TEXT(DNNL_VERSION_PATCH);
}

Result<GemmPeer> GemmPeer::create(const CodeView& x, const int8_t* weights, int64_t outputs, int32_t* y) {
    try {
        auto impl = std::make_unique<Impl>();
        const memory::desc xLayout({x.rows, x.cols},
                                   x.isSigned ? memory::data_type::s8 : memory::data_type::u8,
                                   memory::dims{x.stride, 1});
        const memory::desc any({x.cols, outputs}, memory::data_type::s8, memory::format_tag::any);
        const memory::desc plain({x.cols, outputs}, memory::data_type::s8, memory::dims{1, x.cols});
        const memory::desc yLayout({x.rows, outputs}, memory::data_type::s32, memory::dims{outputs, 1});
        const dnnl::matmul::primitive_desc description(dnnl::matmul::desc(xLayout, any, yLayout),
                                                       impl->engine);
        impl->product = dnnl::matmul(description);
        impl->x = memory(xLayout, impl->engine, const_cast<void*>(x.data));
        impl->y = memory(yLayout, impl->engine, y);
        impl->weights = memory(description.weights_desc(), impl->engine);
        memory source(plain, impl->engine, const_cast<int8_t*>(weights));
        dnnl::reorder(source, impl->weights).execute(impl->stream, source, impl->weights);
        impl->stream.wait();
        return GemmPeer(std::move(impl));
    } catch (const dnnl::error& error) {
        return fail(ErrorKind::Unsupported, std::string("oneDNN: ") + error.what());
    }
}

void GemmPeer::run() {
    m_impl->product.execute(
        m_impl->stream,
        {{DNNL_ARG_SRC, m_impl->x}, {DNNL_ARG_WEIGHTS, m_impl->weights}, {DNNL_ARG_DST, m_impl->y}});
    m_impl->stream.wait();
}

GemmPeer::GemmPeer(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
GemmPeer::GemmPeer(GemmPeer&&) noexcept = default;
GemmPeer& GemmPeer::operator=(GemmPeer&&) noexcept = default;
GemmPeer::~GemmPeer() = default;

}  // namespace quantscope
