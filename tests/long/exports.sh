#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Exported models, in the loaders of their ecosystems.
set -eu
sh samples/scripts/get-model.sh
sh tests/build_preset.sh release quantscope-cli
python=python3
[ -x .venv/bin/python ] && python=.venv/bin/python
exec "$python" tests/long/check_exports.py build/release/bin/quantscope-cli
