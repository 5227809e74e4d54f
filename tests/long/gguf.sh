#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# GGUF files that we write, in llama.cpp.
set -eu
sh samples/scripts/get-model.sh
sh tests/build_preset.sh release quantscope-cli
python=python3
[ -x .venv/bin/python ] && python=.venv/bin/python
exec "$python" tests/long/check_gguf_in_llama.py build/release/bin/quantscope-cli
