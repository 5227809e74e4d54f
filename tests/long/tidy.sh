#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# clang-tidy over every source that changed since it was last clean.
set -eu
# Without precompiled headers, which are GCC's. moc's files are made directly: ninja would build the libraries first.
cmake -S . -B build/tidy -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON >/dev/null
find build/tidy -name AutogenInfo.json -exec cmake -E cmake_autogen {} Release \; >/dev/null
sh tests/tidy.sh build/tidy
