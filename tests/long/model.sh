#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Tests on the real model, which it fetches.
set -eu
sh samples/scripts/get-model.sh
sh tests/build_preset.sh release
OMP_WAIT_POLICY=passive QT_QPA_PLATFORM=offscreen ctest --test-dir build/release --output-on-failure -L long
