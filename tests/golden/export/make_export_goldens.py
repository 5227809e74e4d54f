#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""layouts.json: what the peers' own packers make of given codes, for tests/export.

    python tests/golden/export/make_export_goldens.py

Codes, zero points and floats come from a counter, so that the test makes them itself (see `codes` and `floats`).
GPTQ: GPTQModel's TorchLinear.pack_original (version 2) and its conversion to version 1. AWQ: its AwqTorchLinear.
compressed-tensors: pack_to_int32 and pack_fp4_to_uint8. bitsandbytes: quantize_4bit and int8_vectorwise_quant.
"""

from __future__ import annotations

import base64
import importlib.metadata
import json
from pathlib import Path

import bitsandbytes.functional as bnb
import numpy as np
import torch
from compressed_tensors.compressors.nvfp4.helpers import pack_fp4_to_uint8
from compressed_tensors.compressors.pack_quantized.helpers import pack_to_int32
from gptqmodel.nn_modules.qlinear.torch_awq import AwqTorchLinear
from gptqmodel.nn_modules.qlinear.torch import TorchLinear
from gptqmodel.quantization import FORMAT, QuantizeConfig
from gptqmodel.utils.model import convert_gptq_v2_to_v1_format_module

FOLDER = Path(__file__).resolve().parent
IN, OUT, GROUP = 64, 32, 32


def counter(count: int, seed: int) -> np.ndarray:
    index = np.arange(count, dtype=np.uint32) + np.uint32(seed * 1000003)
    index ^= index >> np.uint32(16)
    index *= np.uint32(0x7FEB352D)
    index ^= index >> np.uint32(15)
    index *= np.uint32(0x846CA68B)
    return index ^ (index >> np.uint32(16))


def codes(rows: int, cols: int, bits: int, seed: int) -> np.ndarray:
    return (counter(rows * cols, seed) >> np.uint32(32 - bits)).astype(np.int64).reshape(rows, cols)


def floats(count: int, seed: int) -> np.ndarray:
    """In [-0.5, 0.5), exact in float32."""
    return (counter(count, seed) >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24) - np.float32(0.5)


def text(array: torch.Tensor | np.ndarray) -> str:
    data = array.detach().contiguous().numpy() if isinstance(array, torch.Tensor) else np.ascontiguousarray(array)
    return base64.b64encode(data.tobytes()).decode()


def weight_of(bits: int, seed: int) -> tuple[torch.nn.Linear, torch.Tensor, torch.Tensor]:
    """A layer whose codes the packer will find again: w = scale (code - zero) with powers of two as scales."""
    q = torch.from_numpy(codes(OUT, IN, bits, seed)).float()
    zeros = torch.from_numpy(np.maximum(codes(OUT, IN // GROUP, bits, seed + 1), 1)).float()
    exponents = torch.from_numpy(codes(OUT, IN // GROUP, 2, seed + 2)).float()
    scales = torch.pow(2.0, -4 - exponents)
    spread = lambda x: x.repeat_interleave(GROUP, dim=1)
    linear = torch.nn.Linear(IN, OUT, bias=False)
    linear.weight.data = spread(scales) * (q - spread(zeros))
    return linear, scales, zeros


def gptq(bits: int) -> dict[str, str]:
    linear, scales, zeros = weight_of(bits, 10 * bits)
    layer = TorchLinear(bits=bits, group_size=GROUP, sym=False, desc_act=False, in_features=IN, out_features=OUT,
                        bias=False, register_buffers=True, format=FORMAT.GPTQ_V2)
    layer.pack_original(linear, scales, zeros, torch.arange(IN, dtype=torch.int32) // GROUP)
    answer = {"qweight": text(layer.qweight), "qzeros_v2": text(layer.qzeros), "scales": text(layer.scales),
              "g_idx": text(layer.g_idx.to(torch.int32))}
    convert_gptq_v2_to_v1_format_module(module=layer, quantize_config=QuantizeConfig(bits=bits))
    return answer | {"qzeros_v1": text(layer.qzeros)}


def awq() -> dict[str, str]:
    linear, scales, zeros = weight_of(4, 40)
    layer = AwqTorchLinear(bits=4, group_size=GROUP, sym=False, desc_act=False, in_features=IN, out_features=OUT,
                          bias=False, register_buffers=True)
    layer.pack(linear, scales, zeros)
    return {"qweight": text(layer.qweight), "qzeros": text(layer.qzeros), "scales": text(layer.scales)}


def compressed(bits: int) -> dict[str, str]:
    value = torch.from_numpy(codes(6, 40, bits, bits) - (1 << (bits - 1))).to(torch.int8)
    return {"columns": text(pack_to_int32(value, bits)), "rows": text(pack_to_int32(value, bits, packed_dim=0))}


def four_bits(kind: str, nested: bool) -> dict[str, object]:
    weight = torch.from_numpy(floats(40 * 512, 7)).reshape(40, 512)
    data, state = bnb.quantize_4bit(weight, blocksize=64, compress_statistics=nested, quant_type=kind)
    answer: dict[str, object] = {"weight": text(data), "absmax": text(state.absmax), "quant_map": text(state.code)}
    if nested:
        answer |= {"nested_absmax": text(state.state2.absmax), "nested_quant_map": text(state.state2.code),
                   "nested_offset": float(state.offset)}
    return answer


def eight_bits() -> dict[str, str]:
    weight = torch.from_numpy(floats(8 * 64, 9)).reshape(8, 64)
    data, absmax, _ = bnb.int8_vectorwise_quant(weight.to(torch.float16))
    return {"weight": text(data), "scb": text(absmax)}


def main() -> None:
    packages = ("torch", "bitsandbytes", "compressed-tensors", "gptqmodel")
    golden = {
        "made_with": {name: importlib.metadata.version(name) for name in packages},
        "gptq": {str(bits): gptq(bits) for bits in (2, 3, 4, 8)},
        "awq": awq(),
        "compressed_tensors": {str(bits): compressed(bits) for bits in (2, 3, 4, 5, 8)},
        "fp4": text(pack_fp4_to_uint8(torch.tensor([[0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.5, -1, -1.5, -2, -3, -4, -6, 0]]))),
        "nf4": four_bits("nf4", False),
        "nf4_double": four_bits("nf4", True),
        "fp4_bitsandbytes": four_bits("fp4", False),
        "int8": eight_bits(),
    }
    (FOLDER / "layouts.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
