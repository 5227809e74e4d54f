// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "cli/gemm_peer.h"

namespace quantscope {

struct GemmPeer::Impl {};

std::string_view GemmPeer::name() {
    return {};
}

Result<GemmPeer> GemmPeer::create(const CodeView&, const int8_t*, int64_t, int32_t*) {
    return fail(ErrorKind::Unsupported, "built without oneDNN", "oneDNN",
                "Install libdnnl-dev and build again.");
}

void GemmPeer::run() {}

GemmPeer::GemmPeer(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
GemmPeer::GemmPeer(GemmPeer&&) noexcept = default;
GemmPeer& GemmPeer::operator=(GemmPeer&&) noexcept = default;
GemmPeer::~GemmPeer() = default;

}  // namespace quantscope
