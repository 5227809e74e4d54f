#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The Qt-free lane and parallel loops under the thread sanitizer.
set -eu
sh tests/build_preset.sh tsan test_app_latest_lane test_base_exceptions
for test in test_app_latest_lane test_base_exceptions; do
    OMP_NUM_THREADS=1 TSAN_OPTIONS=suppressions="$PWD/tests/tsan.supp" "build/tsan/tests/$test"
done
