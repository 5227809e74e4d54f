// SPDX-License-Identifier: Apache-2.0
#include "base/out_of_memory.h"

#include <fmt/format.h>

#include <system_error>

#include "base/bytes_text.h"

namespace quantscope {
namespace {

constexpr auto kAdvice = "Close other programs, or choose a smaller model, a shorter text or fewer variants";

}  // namespace

Error notEnoughMemory(std::string_view purpose, uint64_t bytes) {
    return {ErrorKind::OutOfMemory,
            fmt::format("not enough memory for {}: needs {}", purpose, bytesText(bytes)),
            {},
            {},
            kAdvice};
}

OutOfMemory::OutOfMemory(std::string_view purpose, uint64_t bytes)
    : m_error(std::make_shared<const Error>(notEnoughMemory(purpose, bytes))) {}

Error errorOfException() {
    try {
        throw;
    } catch (const OutOfMemory& refused) {
        return refused.error();
    } catch (const std::bad_alloc&) {
        return {ErrorKind::OutOfMemory, "not enough memory", {}, {}, kAdvice};
    } catch (const std::system_error& refused) {
        if (refused.code() == std::errc::resource_unavailable_try_again)
            return {ErrorKind::OutOfMemory, "not enough memory for another thread", {}, {}, kAdvice};
        return {ErrorKind::Internal, refused.what(), {}, {}, {}};
    } catch (const std::exception& exception) {
        return {ErrorKind::Internal, exception.what(), {}, {}, {}};
    } catch (...) {
        return {ErrorKind::Internal, "an exception of an unknown kind", {}, {}, {}};
    }
}

}  // namespace quantscope
