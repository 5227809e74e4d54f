# SPDX-License-Identifier: Apache-2.0
"""Formats and searches that need no calibration: bitsandbytes' 4-bit types, hqq, torchao's small floats."""

import bitsandbytes.functional as bnb
import torch
from hqq.core.quantize import Quantizer
from torchao.prototype.mx_formats.config import ScaleCalculationMode
from torchao.prototype.mx_formats.kernels import f4_unpacked_to_f32, unpack_uint4
from torchao.prototype.mx_formats.mx_tensor import to_dtype, to_mx
from torchao.prototype.mx_formats.nvfp4_tensor import nvfp4_quantize

from layer import W, entry


def nested(absmax):
    """The statistics' own quantization with bitsandbytes' exact search (backends/default and CUDA); its CPU
    library looks the code up in a coarser table, which errs next to midpoints."""
    offset = absmax.mean()
    code = bnb.create_dynamic_map()
    result = torch.empty_like(absmax)
    for i in range(0, len(absmax), 256):
        block = absmax[i : i + 256] - offset
        top = block.abs().max()
        scaled = block * (1.0 / top) if len(block) == 256 else block / top
        index = torch.bucketize(scaled, (code[:-1] + code[1:]) / 2)
        result[i : i + 256] = code[index] * top + offset
    return result


def four_bit(kind, blocksize, double):
    packed, state = bnb.quantize_4bit(torch.from_numpy(W), blocksize=blocksize, quant_type=kind)
    if double:
        state.absmax = nested(state.absmax)
    return bnb.dequantize_4bit(packed, state).numpy()


def half_quadratic(bits, group, axis=1):
    codes, meta = Quantizer.quantize(torch.from_numpy(W), nbits=bits, group_size=group, axis=axis, bitpack=False,
                                     device="cpu")
    zero, scale = meta["zero"], meta["scale"]
    return ((codes.float() - zero) * scale).reshape(W.shape).numpy()


def fp8(element, scale):
    w = torch.from_numpy(W)
    top = torch.finfo(element).max
    if scale == "tensor":
        absmax = w.abs().max()
    elif scale == "channel":
        absmax = w.abs().amax(1, keepdim=True)
    s = absmax / top
    return ((w / s).clamp(-top, top).to(element).float() * s).numpy()


def mx(element, mode):
    scale, data = to_mx(torch.from_numpy(W), element, 32, mode)
    return to_dtype(data, scale, element, 32, torch.float32).numpy()


def nvfp4():
    w = torch.from_numpy(W)
    tensor_scale = w.abs().max() / (448 * 6)
    scales, packed = nvfp4_quantize(w, 16, tensor_scale)
    data = f4_unpacked_to_f32(unpack_uint4(packed)).reshape(len(W), -1, 16)
    return (data * (scales.float() * tensor_scale)[..., None]).reshape(W.shape).numpy()


def storage_cases():
    fp6 = "fp6_e2m3", "fp6_e3m2"
    mode = ScaleCalculationMode
    return [
        entry("nf4/block=64", four_bit("nf4", 64, False)),
        entry("nf4/block=32/double", four_bit("nf4", 32, True)),
        entry("fp4/block=64", four_bit("fp4", 64, False)),
        entry("fp4/block=128/double", four_bit("fp4", 128, True)),
        entry("hqq/int4/group=64", half_quadratic(4, 64)),
        entry("hqq/int3/group=32", half_quadratic(3, 32)),
        entry("hqq/int2/group=128", half_quadratic(2, 128)),
        entry("hqq/int4/group=16/axis=0", half_quadratic(4, 16, axis=0)),
        entry("hqq/int2/group=8/axis=0", half_quadratic(2, 8, axis=0)),
        entry("fp8/scale=tensor", fp8(torch.float8_e4m3fn, "tensor")),
        entry("fp8", fp8(torch.float8_e4m3fn, "channel")),
        entry("fp8/element=e5m2", fp8(torch.float8_e5m2, "channel")),
        entry("mxfp8", mx(torch.float8_e4m3fn, mode.FLOOR)),
        entry("mxfp8/element=e5m2/exponent=even", mx(torch.float8_e5m2, mode.EVEN)),
        entry("mxfp6", mx(fp6[0], mode.FLOOR)),
        entry("mxfp6/element=e3m2", mx(fp6[1], mode.FLOOR)),
        entry("mxfp4", mx(torch.float4_e2m1fn_x2, mode.FLOOR)),
        entry("mxfp4/exponent=even", mx(torch.float4_e2m1fn_x2, mode.EVEN)),
        entry("mxfp4/exponent=ceil", mx(torch.float4_e2m1fn_x2, mode.CEIL)),
        entry("nvfp4", nvfp4()),
    ]
