// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

namespace quantscope {

std::string describe(const Error& error) {
    std::string text;
    if (!error.file.empty()) text += error.file + ": ";
    if (!error.field.empty()) text += error.field + ": ";
    text += error.message;
    if (!error.fix.empty()) text += ". " + error.fix;
    return text;
}

std::string kindName(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::NotFound:
            return "not-found";
        case ErrorKind::CannotRead:
            return "cannot-read";
        case ErrorKind::CannotWrite:
            return "cannot-write";
        case ErrorKind::Malformed:
            return "malformed";
        case ErrorKind::Unsupported:
            return "unsupported";
        case ErrorKind::InvalidArgument:
            return "invalid-argument";
        case ErrorKind::OutOfMemory:
            return "out-of-memory";
        case ErrorKind::Cancelled:
            return "cancelled";
        case ErrorKind::Internal:
            break;
    }
    return "internal";
}

Error inFile(Error error, const std::string& file) {
    if (error.file.empty()) error.file = file;
    return error;
}

}  // namespace quantscope
