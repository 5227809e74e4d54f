#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The whole suite of ./dev test.
set -eu
sh tests/build_preset.sh release
OMP_WAIT_POLICY=passive QT_QPA_PLATFORM=offscreen ctest --test-dir build/release --output-on-failure -LE long
