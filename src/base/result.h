// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace quantscope {

/// What went wrong, coarse enough to choose an exit code or an icon from.
enum class ErrorKind {
    NotFound,         ///< a file, tensor or name that does not exist
    CannotRead,       ///< the system refused to open, map or read
    CannotWrite,      ///< the system refused to create, extend or replace
    Malformed,        ///< a file contradicts its own format
    Unsupported,      ///< valid, but not something this program handles
    InvalidArgument,  ///< a value a user chose lies outside its range
    OutOfMemory,      ///< an allocation failed
    Cancelled,        ///< the job was asked to stop
    Internal          ///< an exception crossed a border; a bug worth reporting
};

/// A failure a user or a file can cause. `file` and `field` say where, `fix` what to do about it;
/// any of the three may be empty. Layers add context on the way up (see inFile), the last one words it.
struct Error {
    ErrorKind kind = ErrorKind::Internal;
    std::string message;
    std::string file;
    std::string field;
    std::string fix;

    bool operator==(const Error&) const = default;
};

/// One sentence for people: "FILE: FIELD: message. fix".
std::string describe(const Error& error);

/// Short stable name of a kind ("malformed"), for JSON and tests.
std::string kindName(ErrorKind kind);

/// Everything that depends on outside input returns this (std::expected's interface).
template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

/// Shorthand for returning an error: `return fail(ErrorKind::Malformed, "...", "field", "fix")`.
inline tl::unexpected<Error> fail(ErrorKind kind, std::string message, std::string field = {},
                                  std::string fix = {}) {
    return tl::unexpected<Error>(Error{kind, std::move(message), {}, std::move(field), std::move(fix)});
}

inline tl::unexpected<Error> fail(Error error) {
    return tl::unexpected<Error>(std::move(error));
}

/// The same error with the file's name, unless a deeper layer has named one already.
Error inFile(Error error, const std::string& file);

}  // namespace quantscope
