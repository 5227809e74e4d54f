#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tidy.sh BUILD [FILE...]: clang-tidy over the sources that BUILD/compile_commands.json names; fails on any finding. Without
# files: those that changed since they were last found clean, all of them when a header or .clang-tidy changed.
# shellcheck disable=SC2016,SC3013  # the inner script expands its own; dash, too, knows -nt
set -eu
cd "$(dirname "$0")/.."
build=$1; shift
stamps=$build/tidy-clean
mkdir -p "$stamps"
newest=$(find src ui tests .clang-tidy \( -name '*.h' -o -name .clang-tidy \) -printf '%T@ %p\n' | sort -rn | head -n 1 | cut -d' ' -f2)

changed() {
    find src ui tests -name '*.cpp' | sort | while read -r file; do
        grep -q "/$file\"" "$build/compile_commands.json" || continue
        stamp=$stamps/$(printf '%s' "$file" | tr / -)
        [ "$stamp" -nt "$file" ] && [ "$stamp" -nt "$newest" ] || printf '%s\n' "$file"
    done
}

# One file: silent when clean. A finding makes xargs, and so this script, fail at the end.
one='log=$(clang-tidy-14 -p "$1" -quiet --warnings-as-errors="*" "$3" 2>/dev/null) && touch "$2/$(printf %s "$3" | tr / -)" ||
    { printf "%s\n%s\n" "$3" "$log"; exit 1; }'
if [ $# -gt 0 ]; then printf '%s\n' "$@"; else changed; fi |
    xargs -r -P "$(nproc)" -I{} sh -c "$one" sh "$build" "$stamps" {}
