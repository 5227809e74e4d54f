#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every source as clang-format 14 writes it.
exec sh tests/format.sh
