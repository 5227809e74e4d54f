// SPDX-License-Identifier: Apache-2.0
#include "support/paths.h"

namespace quantscope::test {

std::string sourcePath(const std::string& relative) {
    const std::string root = QUANTSCOPE_SOURCE_DIR;
    return relative.empty() ? root : root + "/" + relative;
}

std::string binaryPath(const std::string& relative) {
    return std::string(QUANTSCOPE_BINARY_DIR) + "/" + relative;
}

}  // namespace quantscope::test
