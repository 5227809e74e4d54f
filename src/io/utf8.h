// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace quantscope {

/// True for well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF).
bool isValidUtf8(std::string_view text);

/// True for a name a file may give to a tensor or a key: not empty, well-formed UTF-8, no NUL and no other
/// control character.
bool isCleanName(std::string_view name);

/// The name as it may be shown in a message: bytes that are not printable ASCII or well-formed UTF-8 as \xNN,
/// cut at `limit` bytes.
std::string printable(std::string_view name, size_t limit = 80);

}  // namespace quantscope
