// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

/// Where the checkout and the build are. Compiled once, so that no other object file depends on the folder of
/// a checkout and a compiler cache serves them all.
namespace quantscope::test {

/// "samples/tiny-llama" as an absolute path; without an argument the checkout itself.
std::string sourcePath(const std::string& relative = {});
/// "bin/quantscope-cli" as an absolute path.
std::string binaryPath(const std::string& relative);

}  // namespace quantscope::test
