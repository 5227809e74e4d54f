// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <string_view>

#include "base/result.h"

namespace quantscope {

/// The Error of an allocation that was refused: "not enough memory for the hidden states: needs 5.1 GiB".
Error notEnoughMemory(std::string_view purpose, uint64_t bytes);

/// A refused allocation that knows what it was for. Travels like any std::bad_alloc to the border of its
/// thread (a lane, a background job, main), where errorOfException() turns it into an Error.
class OutOfMemory : public std::bad_alloc {
 public:
    OutOfMemory(std::string_view purpose, uint64_t bytes);
    [[nodiscard]] const char* what() const noexcept override { return m_error->message.c_str(); }
    [[nodiscard]] const Error& error() const noexcept { return *m_error; }

 private:
    std::shared_ptr<const Error> m_error;  ///< shared: copies of an exception must not throw
};

/// values.resize(count) for the large vectors of a computation: throws OutOfMemory, which names `purpose` and
/// the bytes of all `count` values.
template <class Vector>
void resizeFor(Vector& values, size_t count, std::string_view purpose) {
    try {
        values.resize(count);
    } catch (const std::exception&) {  // bad_alloc, or length_error beyond what an address can reach
        throw OutOfMemory(purpose, static_cast<uint64_t>(count) * sizeof(typename Vector::value_type));
    }
}

/// The Error of the exception that is being handled; call it within `catch (...)` only. OutOfMemory for
/// std::bad_alloc, with the purpose and the size where the thrower knew them, and for a thread that could not
/// be started; Internal with the exception's text for everything else.
Error errorOfException();

}  // namespace quantscope
