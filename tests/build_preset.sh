#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# build_preset.sh PRESET [TARGET...]: configures a preset and builds the targets, or all.
set -eu
cd "$(dirname "$0")/.."
preset=$1; shift
cmake --preset "$preset" >/dev/null
cmake --build "build/$preset" ${1:+--target "$@"}
