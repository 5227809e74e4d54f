#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fuzzing, QUANTSCOPE_FUZZ_SECONDS (300) a parser.
set -eu
sh tests/build_preset.sh fuzz fuzzers
python3 tests/fuzz/make_corpus.py build/fuzz/seeds
find build/fuzz/bin -name 'fuzz_*' -type f -perm -u+x -print0 |
    xargs -0 -P "$(nproc)" -I{} sh tests/fuzz/run.sh {} "${QUANTSCOPE_FUZZ_SECONDS:-300}"
