# SPDX-License-Identifier: Apache-2.0
"""Reference codes and values of the ecosystems' quantizers: presets.json, estimators.json, blocks.json.

Each peer's own package computes what it can: torch (observers and fake_quantize), torchao, gguf. GPTQ and AWQ
are a few lines of arithmetic inside packages that need a GPU to import; gptq() and awq() state them anew, after
GPTQModel gptqmodel/quantization/quantizer.py (Quantizer.find_params, quantize) and llm-awq
awq/quantize/quantizer.py (pseudo_quantize_tensor). Floats are written as the integers of their bits.

    pip install -r ../requirements.txt -r requirements.txt
    python make_quant_goldens.py
"""

import json
from pathlib import Path

import gguf
import numpy as np
import torch
import torchao
from torch.ao.quantization import MinMaxObserver, PerChannelMinMaxObserver
from torchao.quantization.quant_primitives import (
    MappingType,
    choose_qparams_affine,
    dequantize_affine,
    quantize_affine,
)

HERE = Path(__file__).parent
ROWS, COLS = 6, 64


def bits(array):
    return np.ascontiguousarray(array, dtype=np.float32).view(np.int32).reshape(-1).tolist()


def inputs():
    random = np.random.default_rng(20240607)
    normal = (random.standard_normal((ROWS, COLS)) * 0.05).astype(np.float32)
    normal[1, 7], normal[4, 33] = 0.61, -0.83  # outliers
    # Multiples of a power of two: many exact ties, equal extremes of both signs in rows 2 and 3.
    ties = (random.integers(-30, 31, (ROWS, COLS)) / 64).astype(np.float32)
    ties[2, 3], ties[2, 40] = 0.5, -0.5
    ties[3, 5], ties[3, 20], ties[3, 50] = -0.5, 0.5, -0.5
    positive = (random.gamma(2.0, 0.1, (ROWS, COLS)) + 0.3).astype(np.float32)
    return {"normal": normal, "ties": ties, "positive": positive}


def torch_affine(w):
    observer = MinMaxObserver(dtype=torch.quint8, qscheme=torch.per_tensor_affine)
    observer(w)
    scale, zero = observer.calculate_qparams()
    values = torch.fake_quantize_per_tensor_affine(w, float(scale), int(zero), 0, 255)
    codes = torch.quantize_per_tensor(w, float(scale), int(zero), torch.quint8).int_repr()
    return codes, scale, zero, values


def torch_symmetric(w):
    observer = PerChannelMinMaxObserver(
        ch_axis=0, dtype=torch.qint8, qscheme=torch.per_channel_symmetric
    )
    observer(w)
    scale, zero = observer.calculate_qparams()
    values = torch.fake_quantize_per_channel_affine(w, scale, zero.to(torch.int32), 0, -128, 127)
    codes = torch.quantize_per_channel(w, scale, zero, 0, torch.qint8).int_repr()
    return codes, scale, zero, values


def torchao_affine(w, mapping, block, low, high):
    scale, zero = choose_qparams_affine(w, mapping, block, torch.int8, low, high)
    codes = quantize_affine(w, block, scale, zero, torch.int32, low, high)
    values = dequantize_affine(codes, block, scale, zero, torch.int32, low, high)
    return codes, scale, zero, values


def gptq(w, bits_, group, symmetric):
    x = w.reshape(-1, group)
    top = 2**bits_ - 1
    low = x.amin(1, keepdim=True).clamp(max=0)
    high = x.amax(1, keepdim=True).clamp(min=0)
    if symmetric:
        high = torch.maximum(low.abs(), high)
        low = torch.where(low < 0, -high, low)
    scale = (high - low) / top
    zero = torch.full_like(scale, (top + 1) / 2) if symmetric else torch.round(-low / scale)
    codes = torch.clamp(torch.round(x / scale) + zero, 0, top)
    return codes.reshape(w.shape), scale, zero, (scale * (codes - zero)).reshape(w.shape)


def awq(w, bits_, group, zero_point):
    x = w.reshape(-1, group)
    if zero_point:
        low, high = 0, 2**bits_ - 1
        smallest = x.amin(1, keepdim=True)
        scale = (x.amax(1, keepdim=True) - smallest).clamp(min=1e-5) / high
        zero = (-torch.round(smallest / scale)).clamp(low, high)
    else:
        low, high = -(2 ** (bits_ - 1)), 2 ** (bits_ - 1) - 1
        scale = x.abs().amax(1, keepdim=True).clamp(min=1e-5) / high
        zero = torch.zeros_like(scale)
    codes = torch.clamp(torch.round(x / scale) + zero, low, high)
    return codes.reshape(w.shape), scale, zero, ((codes - zero) * scale).reshape(w.shape)


def preset_cases():
    row = [1, COLS]
    group = [1, 32]
    sym, noclip, asym = (
        MappingType.SYMMETRIC,
        MappingType.SYMMETRIC_NO_CLIPPING_ERR,
        MappingType.ASYMMETRIC,
    )
    return [
        ("preset=torch", torch_affine, ("normal", "ties", "positive")),
        ("preset=torch-symmetric", torch_symmetric, ("normal", "ties")),
        ("preset=torch-symmetric", lambda w: torchao_affine(w, sym, row, -128, 127), ("ties",)),
        ("int4/full/group=32/inverse", lambda w: torchao_affine(w, sym, group, -8, 7), ("normal", "ties")),
        ("int4/no-clip/group=32/inverse", lambda w: torchao_affine(w, noclip, group, -8, 7), ("normal", "ties", "positive")),
        ("int4/affine/group=32/inverse", lambda w: torchao_affine(w, asym, group, -8, 7), ("normal", "ties")),
        ("preset=gptq/group=32", lambda w: gptq(w, 4, 32, True), ("normal", "ties")),
        ("uint3/affine/group=32", lambda w: gptq(w, 3, 32, False), ("normal", "ties", "positive")),
        ("preset=awq/group=32", lambda w: awq(w, 4, 32, True), ("normal", "ties", "positive")),
        ("preset=awq-symmetric/group=32", lambda w: awq(w, 4, 32, False), ("normal", "ties")),
    ]  # fmt: skip


def make_presets(data):
    cases = []
    for scheme, quantizer, names in preset_cases():
        for name in names:
            codes, scale, zero, values = quantizer(torch.from_numpy(data[name]))
            cases.append(
                {
                    "scheme": scheme,
                    "input": name,
                    "codes": [int(c) for c in codes.reshape(-1).tolist()],
                    "scales": bits(scale.reshape(-1).float().numpy()),
                    "zeros": [int(z) for z in zero.reshape(-1).tolist()],
                    "values": bits(values.numpy()),
                }
            )
    return cases


def make_estimators(data):
    cases = []
    for name, values in data.items():
        row = values.astype(np.float64).reshape(-1)
        for low, high in ((10, 90), (0.01, 99.99), (0, 100), (33.3, 66.6)):
            ends = np.percentile(row, [low, high])
            cases.append({"scheme": f"int8/affine/percentile={low},{high}", "input": name, "range": bits(ends)})
        # Chunks of 32 rows of a 192 x 2 matrix.
        chunks = values.reshape(6, 64).astype(np.float64)
        ends = [chunks[0].min(), chunks[0].max()]
        for chunk in chunks[1:]:
            ends = [0.9 * ends[0] + (1 - 0.9) * chunk.min(), 0.9 * ends[1] + (1 - 0.9) * chunk.max()]
        cases.append({"scheme": "int8/affine/moving-average=0.9", "input": name, "cols": 2, "range": bits(ends)})
        cases.append({"scheme": "int4/affine/kl", "input": name, "range": bits(kl_range(row, 4))})
        cases.append({"scheme": "int8/kl", "input": name, "range": bits(kl_range(row, 8))})
        for scheme, symmetric in (("int4/mse", True), ("int4/affine/mse", False)):
            cases.append({"scheme": scheme, "input": name, "sse": best_sse(values, symmetric)})
    return cases


def kl_range(values, bits_):
    """The threshold rule of src/quant/estimators/kl.h, with arrays instead of loops."""
    bins, levels = 2048, 2 ** (bits_ - 1)
    absmax = np.abs(values).max()
    index = np.minimum(np.abs(values) * (bins / absmax), bins - 1).astype(int)
    counts = np.bincount(index, minlength=bins).astype(np.float64)
    best = (np.inf, bins)
    for cut in [levels + (bins - levels) * k // 64 for k in range(64, -1, -1)]:
        p = counts[:cut].copy()
        inside = p.sum()
        if inside == 0:
            continue
        p[-1] += counts[cut:].sum()
        level = np.empty(cut, int)
        for k in range(levels):
            level[k * cut // levels : (k + 1) * cut // levels] = k
        occupied = counts[:cut] > 0
        sums = np.bincount(level, counts[:cut], levels)
        share = np.bincount(level, occupied, levels)
        q = np.where(occupied, sums[level] / np.maximum(share[level], 1), 0) / inside
        p /= counts.sum()
        if np.any((p > 0) & (q == 0)):
            continue
        use = p > 0
        divergence = float(np.sum(p[use] * np.log(p[use] / q[use])))
        if divergence < best[0]:
            best = (divergence, cut)
    threshold = np.float32(absmax * best[1] / bins)
    if best[1] == bins:
        return [values.min(), values.max()]
    return [max(values.min(), -threshold), min(values.max(), threshold)]


def best_sse(values, symmetric):
    """Least squared error of 4-bit codes over an exhaustive grid of both ends: what a search may not miss."""
    row = values.reshape(-1).astype(np.float32)
    low, high = row.min(), row.max()
    ratios = np.arange(0.1, 1.0001, 0.005)
    best = np.inf
    for a in ratios:
        for c in [a] if symmetric else ratios:
            if symmetric:
                scale = np.float32(max(abs(low * a), abs(high * a)) / 7)
                zero, first, last = 0, -7, 7
            else:
                lo, hi = np.float32(min(low * a, 0)), np.float32(max(high * c, 0))
                scale = np.float32((hi - lo) / 15)
                first, last = -8, 7
                zero = np.clip(-8 - np.round(lo / scale), -8, 7)
            codes = np.clip(np.round(row / scale) + zero, first, last)
            error = row.astype(np.float64) - (scale * (codes - zero)).astype(np.float32)
            best = min(best, float(np.sum(error * error)))
    return best


def make_blocks(data):
    types = gguf.GGMLQuantizationType
    cases = []
    extra = {
        "zeros": np.zeros((1, 64), np.float32),
        "tiny": np.full((1, 64), 1e-7, np.float32) * np.arange(64, dtype=np.float32),
    }
    for name, values in {**data, **extra}.items():
        for kind in (types.Q8_0, types.Q4_0, types.Q4_1, types.Q5_0, types.Q5_1):
            with np.errstate(divide="ignore", invalid="ignore"):
                packed = gguf.quants.quantize(values, kind)
            cases.append(
                {
                    "type": kind.name,
                    "input": bits(values) if name in extra else name,
                    "bytes": packed.tobytes().hex(),
                    "values": bits(gguf.quants.dequantize(packed, kind)),
                }
            )
    # Any bytes are a valid block (scales kept finite): decoding is checked over random ones.
    random = np.random.default_rng(7)
    scale_at = {"Q2_K": (80, 82), "Q3_K": (108,), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,), "IQ4_NL": (0,), "MXFP4": ()}  # fmt: skip
    for kind_name, offsets in scale_at.items():
        kind = types[kind_name]
        size = gguf.GGML_QUANT_SIZES[kind][1]
        packed = random.integers(0, 256, (1 if size > 40 else 4, size), dtype=np.uint8)
        for offset in offsets:
            scale = random.uniform(0.001, 0.02, (len(packed), 1)).astype(np.float16)
            packed[:, offset : offset + 2] = scale.view(np.uint8)
        if kind_name == "MXFP4":
            packed[:, 0] = [0, 1, 127, 254]
        values = gguf.quants.dequantize(packed, kind)
        cases.append({"type": kind_name, "bytes": packed.tobytes().hex(), "values": bits(values)})
    return cases


def write(name, content):
    made_by = {
        "numpy": np.__version__,
        "torch": torch.__version__,
        "torchao": torchao.__version__,
        "script": "make_quant_goldens.py",
        "tolerance": "none: equal bits",
    }
    (HERE / name).write_text(json.dumps({"made_by": made_by, **content}, separators=(",", ":")) + "\n")


def main():
    data = inputs()
    coded = {name: {"rows": ROWS, "cols": COLS, "bits": bits(v)} for name, v in data.items()}
    write("presets.json", {"inputs": coded, "cases": make_presets(data)})
    write("estimators.json", {"inputs": coded, "cases": make_estimators(data)})
    write("blocks.json", {"inputs": coded, "cases": make_blocks(data)})


if __name__ == "__main__":
    main()
