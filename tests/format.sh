#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# format.sh: every source as .clang-format writes it? Names each place that differs and fails. Exit 77: clang-format 14 is not
# installed (other versions write some lines differently).
set -eu
cd "$(dirname "$0")/.."
if ! command -v clang-format-14 >/dev/null 2>&1; then
    echo "Format not checked: clang-format-14 is not installed (./dev test --long installs it)." >&2
    exit 77
fi
find src ui tests \( -name '*.h' -o -name '*.cpp' -o -name '*.cu' \) -print0 |
    xargs -0 -n 40 -P "$(nproc)" clang-format-14 --dry-run --Werror
