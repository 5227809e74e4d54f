#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Benchmarks beside their peers: run.sh [NAME] [FLAGS...]. NAME is one of elementwise, forward, gemm, or any bench_NAME
# built in build/release/bin; without it all of them run.
set -eu
cd "$(dirname "$0")/../.."
bin=${QUANTSCOPE_BENCH_BIN:-build/release/bin}
python=python3
[ -x .venv/bin/python ] && python=.venv/bin/python

run() {
    name=$1
    shift
    echo "== $name"
    case "$name" in
    elementwise)
        "$python" tests/bench/peers/elementwise_peer.py "$bin/bench_elementwise" "$@"
        ;;
    forward)
        # Against its peers where they are installed; with arguments the program alone.
        if [ $# -eq 0 ] && "$python" -c 'import torch, transformers, gguf' 2>/dev/null; then
            "$python" tests/bench/peers/forward_peer.py "$bin/bench_forward" "$bin/quantscope-cli"
            "$python" tests/bench/peers/decode_peer.py "$bin/quantscope-cli"
        else
            "$bin/bench_forward" "$@"
        fi
        ;;
    gemm)
        "$bin/bench_float_gemm" "$@"
        ;;
    integer)
        # Int8 beside oneDNN, taking turns; 4-bit products and bytes moved; then OpenBLAS, Eigen and gemmlowp.
        "$bin/quantscope-cli" bench gemm
        "$bin/quantscope-cli" bench int4
        "$bin/bench_integer_gemm" "$@"
        ;;
    methods)
        # GPTQ beside a plain torch one where torch is installed; then the seconds of all methods.
        if [ $# -eq 0 ] && "$python" -c 'import torch' 2>/dev/null; then
            "$python" tests/bench/peers/methods_peer.py "$bin/bench_methods"
        fi
        "$bin/bench_methods" "$@"
        ;;
    *)
        program="$bin/bench_$name"
        [ -x "$program" ] || { echo "there is no benchmark named $name in $bin" >&2; exit 2; }
        "$program" "$@"
        ;;
    esac
}

if [ $# -gt 0 ]; then
    run "$@"
    exit
fi
for program in "$bin"/bench_*; do
    name=${program##*/bench_}
    case "$name" in float_gemm) name=gemm ;; integer_gemm) name=integer ;; esac
    run "$name"
done
