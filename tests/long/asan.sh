#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The suite under address and undefined behaviour sanitizers.
set -eu
sh tests/build_preset.sh asan
QT_QPA_PLATFORM=offscreen ASAN_OPTIONS=detect_leaks=1 LSAN_OPTIONS=suppressions="$PWD/tests/lsan.supp" \
    ctest --test-dir build/asan --output-on-failure -LE long
