#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The long checks of ./dev test --long: clang-tidy, sanitizers over the whole suite, the lane under ThreadSanitizer, five
# minutes of fuzzing a parser, the real model. Each prints one line when it is through; the first failure ends the run.
set -eu
cd "$(dirname "$0")/.."
fuzz_seconds=${QUANTSCOPE_FUZZ_SECONDS:-300}

say() { printf '== %s\n' "$*"; }

build_preset() { # preset, targets...
    preset=$1; shift
    cmake --preset "$preset" >/dev/null
    cmake --build "build/$preset" ${1:+--target "$@"}
}

./dev get-model

say "clang-tidy, every source that changed since it was last clean"
# Without precompiled headers, which are GCC's. moc's files are made directly: ninja would build the libraries first.
cmake -S . -B build/tidy -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON >/dev/null
find build/tidy -name AutogenInfo.json -exec cmake -E cmake_autogen {} Release \; >/dev/null
sh tests/tidy.sh build/tidy

say "address and undefined behaviour sanitizers, all tests"
build_preset asan
QT_QPA_PLATFORM=offscreen ASAN_OPTIONS=detect_leaks=1 LSAN_OPTIONS=suppressions="$PWD/tests/lsan.supp" \
    ctest --test-dir build/asan --output-on-failure -LE long

say "thread sanitizer, the Qt-free lane"
build_preset tsan test_app_latest_lane
OMP_NUM_THREADS=1 TSAN_OPTIONS=suppressions="$PWD/tests/tsan.supp" build/tsan/tests/test_app_latest_lane

nvcc=$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null || true)
if [ -n "$nvcc" ]; then
    say "CUDA kernels for every architecture; on a device where there is one, with a runtime in host memory in any case"
    build_preset cuda test_kernels_cuda_tiles test_kernels_cuda_rows test_kernels_cuda_device_real \
        test_kernels_cuda_device_fake bench_cuda
    ctest --test-dir build/cuda --output-on-failure -R test_kernels_cuda
    build/cuda/bin/bench_cuda
else
    say "CUDA: nvcc is not installed, the kernels ran on an emulated GPU alone"
fi

say "GGUF files that we write, in llama.cpp"
python=python3
[ -x .venv/bin/python ] && python=.venv/bin/python
"$python" tests/long/check_gguf_in_llama.py build/release/bin/quantscope-cli || [ $? -eq 77 ]

say "exported models, in the loaders of their ecosystems"
"$python" tests/long/check_exports.py build/release/bin/quantscope-cli || [ $? -eq 77 ]

say "methods on the real model, beside their peers"
"$python" tests/long/check_methods.py build/release/bin/quantscope-cli || [ $? -eq 77 ]

say "fuzzing, $fuzz_seconds seconds a parser"
build_preset fuzz fuzzers
python3 tests/fuzz/make_corpus.py build/fuzz/seeds
ls build/fuzz/bin/fuzz_* | xargs -P "$(nproc)" -I{} sh tests/fuzz/run.sh {} "$fuzz_seconds"
