#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The Qt-free lanes, their pool and parallel loops under the thread sanitizer.
set -eu
sh tests/build_preset.sh tsan test_app_latest_lane test_app_lane_pool test_base_exceptions
for test in test_app_latest_lane test_app_lane_pool test_base_exceptions; do
    OMP_NUM_THREADS=1 TSAN_OPTIONS=suppressions="$PWD/tests/tsan.supp" "build/tsan/tests/$test"
done
