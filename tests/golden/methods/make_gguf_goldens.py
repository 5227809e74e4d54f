# SPDX-License-Identifier: Apache-2.0
"""gguf_blocks.json: blocks as ggml's quantizers write them (ggml-org/ggml d99724f2, src/ggml-quants.c), with and
without an importance matrix. The library is libggml-base of a llama.cpp build for plain x86-64 (no fused
multiply-add): GGML_LIBRARY=/path/to/libggml-base.so python make_gguf_goldens.py
"""

import base64
import ctypes
import json
import os
from pathlib import Path

import numpy as np

import inputs

TYPES = {"Q2_K": (256, 84), "Q3_K": (256, 110), "Q4_K": (256, 144), "Q5_K": (256, 176), "Q6_K": (256, 210),
         "IQ4_NL": (32, 18)}
WEIGHTED = {"Q5_0": (32, 22), "Q5_1": (32, 24)}  # types whose scales are fitted with an importance matrix alone


def weight():
    w = inputs.weight(6, 512, seed=3)
    w[1, 40] = 1.5  # an outlier
    w[2, :256] = 0
    w[3, 256:272] = 0
    w[4] = np.abs(w[4])
    return np.ascontiguousarray(w)


def importance(cols):
    return ((np.arange(cols) * 37 % 23 + 1) / 8).astype(np.float32)


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


if __name__ == "__main__":
    library = ctypes.CDLL(os.environ["GGML_LIBRARY"])
    w = weight()
    rows, cols = w.shape
    golden = {"generator": "make_gguf_goldens.py", "rows": rows, "cols": cols, "blocks": []}
    for name, (elements, size) in (TYPES | WEIGHTED).items():
        lower = name if name.endswith("K") else name.lower()
        quantize = getattr(library, "quantize_" + (lower[0].lower() + lower[1:]))
        quantize.restype = ctypes.c_size_t
        for weighted in (True,) if name in WEIGHTED else (False, True):
            out = np.zeros(rows * cols // elements * size, dtype=np.uint8)
            quantize(pointer(w), pointer(out), ctypes.c_int64(rows), ctypes.c_int64(cols),
                     pointer(importance(cols)) if weighted else None)
            golden["blocks"].append({"type": name, "importance": weighted,
                                     "bytes": base64.b64encode(out.tobytes()).decode()})
    path = Path(__file__).with_name("gguf_blocks.json")
    path.write_text(json.dumps(golden, indent=1) + "\n")
