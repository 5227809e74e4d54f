#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh FUZZER SECONDS: one fuzzer from its seeds and what earlier runs found; its output is shown when it fails.
set -eu
fuzzer=$1
name=$(basename "$fuzzer")
folder=$(dirname "$(dirname "$fuzzer")")
mkdir -p "$folder/corpus/$name"
if "$fuzzer" -max_total_time="$2" -rss_limit_mb=2048 -timeout=60 -verbosity=0 -print_final_stats=1 \
    -artifact_prefix="$folder/$name-" "$folder/corpus/$name" "$folder/seeds/${name#fuzz_}" >"$folder/$name.log" 2>&1
then
    printf '== %s: no finding in %s runs\n' "$name" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$folder/$name.log")"
else
    cat "$folder/$name.log"
    exit 1
fi
