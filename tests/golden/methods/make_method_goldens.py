# SPDX-License-Identifier: Apache-2.0
"""methods.json: what independent implementations make of the weight and inputs of inputs.py.

hqq, bitsandbytes, torchao and scikit-learn compute what they offer. GPTQ, AWQ, SmoothQuant, Wanda and SparseGPT
exist as scripts around GPU models; the functions below state their papers' arithmetic anew in float64 torch, after
IST-DASLab/gptq gptq.py, casper-hansen/AutoAWQ awq/quantize/quantizer.py, mit-han-lab/smoothquant
smoothquant/smooth.py, locuslab/wanda lib/prune.py and IST-DASLab/sparsegpt sparsegpt.py.
Values are float32, base64. "error" is ||X (W - W^)^T||^2 / tokens.

    pip install -r ../requirements.txt -r requirements.txt
    python make_method_goldens.py
"""

import base64
import itertools
import json
from pathlib import Path

import bitsandbytes
import bitsandbytes.functional as bnb
import hqq
import numpy as np
import scipy.linalg
import torch
import torchao
from hqq.core.quantize import Quantizer
from sklearn.cluster import KMeans
from torchao.prototype.mx_formats.config import ScaleCalculationMode
from torchao.prototype.mx_formats.mx_tensor import to_dtype, to_mx
from torchao.prototype.mx_formats.nvfp4_tensor import nvfp4_quantize
from torchao.prototype.mx_formats.kernels import f4_unpacked_to_f32, unpack_uint4

import inputs

W = inputs.weight()
X = inputs.tokens()
WT, XT = torch.from_numpy(W).double(), torch.from_numpy(X).double()


def coded(values):
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()


def error(values):
    d = X.astype(np.float64) @ (W.astype(np.float64) - np.asarray(values, dtype=np.float64)).T
    return float((d**2).sum() / len(X))


def entry(text, values, **more):
    values = np.asarray(values, dtype=np.float64).reshape(W.shape)
    return {"variant": text, "values": coded(values), "error": error(values), **more}


# GPTQ ---------------------------------------------------------------------------------------------------

def find_params(w, bits, sym):
    """Scale and zero of each row: GPTQ's Quantizer.find_params."""
    maxq = 2**bits - 1
    low = torch.minimum(w.min(1)[0], torch.zeros(1, dtype=w.dtype))
    high = torch.maximum(w.max(1)[0], torch.zeros(1, dtype=w.dtype))
    if sym:
        high = torch.maximum(low.abs(), high)
        low = torch.where(low < 0, -high, low)
    empty = (low == 0) & (high == 0)
    low[empty], high[empty] = -1, 1
    # Scales are float32 in the peer and here.
    scale = ((high.float() - low.float()) / maxq).double()
    zero = torch.full_like(scale, (maxq + 1) / 2) if sym else torch.round(-low / scale)
    return scale, zero


def gptq(bits, sym, group, act_order=False, static_groups=False, percdamp=0.01, blocksize=128):
    w = WT.clone()
    cols = w.shape[1]
    if group == -1:
        fixed = find_params(w, bits, sym)
    h = XT.T @ XT * (2 / len(X))
    dead = torch.diag(h) == 0
    h[dead, dead] = 1
    w[:, dead] = 0
    if static_groups:
        groups = [find_params(w[:, i : i + group], bits, sym) for i in range(0, cols, group)]
    if act_order:
        perm = torch.argsort(torch.diag(h), descending=True, stable=True)
        w, h = w[:, perm], h[perm][:, perm]
    h += percdamp * torch.mean(torch.diag(h)) * torch.eye(cols, dtype=h.dtype)
    hinv = torch.linalg.cholesky(torch.linalg.inv(h), upper=True)
    q = torch.zeros_like(w)
    for i1 in range(0, cols, blocksize):
        i2 = min(i1 + blocksize, cols)
        w1 = w[:, i1:i2].clone()
        err1 = torch.zeros_like(w1)
        for i in range(i2 - i1):
            column = w1[:, i]
            if group == -1:
                params = fixed
            elif static_groups:
                index = int(perm[i1 + i]) if act_order else i1 + i
                params = groups[index // group]
            elif (i1 + i) % group == 0:
                params = find_params(w[:, i1 + i : i1 + i + group], bits, sym)
            scale, zero = params
            code = torch.clamp(torch.round(column / scale) + zero, 0, 2**bits - 1)
            value = scale * (code - zero)
            q[:, i1 + i] = value
            err = (column - value) / hinv[i1 + i, i1 + i]
            w1[:, i:] -= err[:, None] * hinv[i1 + i, i1 + i : i2][None]
            err1[:, i] = err
        w[:, i2:] -= err1 @ hinv[i1:i2, i2:]
    if act_order:
        q = q[:, torch.argsort(perm)]
    return q.numpy()


def gptq_cases():
    # The paper's code takes a group's range before the errors of its own block have reached it; blocks as
    # long as the groups make the question moot.
    return [
        entry("gptq/int4/channel", gptq(4, True, -1)),
        entry("gptq/int4/affine/channel", gptq(4, False, -1)),
        entry("gptq/int4/group=32", gptq(4, True, 32, blocksize=32)),
        entry("gptq/int4/affine/group=32", gptq(4, False, 32, blocksize=32)),
        entry("gptq/int3/affine/group=64/act-order", gptq(3, False, 64, True, blocksize=64)),
        entry("gptq/int4/affine/group=32/act-order/static-groups", gptq(4, False, 32, True, True)),
        entry("gptq/int2/affine/group=32/damp=0.1", gptq(2, False, 32, percdamp=0.1, blocksize=32)),
        entry("gptq/int8/channel/act-order", gptq(8, True, -1, True)),
    ]


# AWQ ----------------------------------------------------------------------------------------------------

def pseudo_quantize(w, bits, group, zero_point):
    shape = w.shape
    w = w.reshape(-1, group)
    if zero_point:
        high, low = w.amax(1, keepdim=True), w.amin(1, keepdim=True)
        scale = (high - low).clamp(min=1e-5) / (2**bits - 1)
        zero = (-torch.round(low / scale)).clamp(0, 2**bits - 1)
        w = (torch.clamp(torch.round(w / scale) + zero, 0, 2**bits - 1) - zero) * scale
    else:
        top = 2 ** (bits - 1) - 1
        scale = w.abs().amax(1, keepdim=True).clamp(min=1e-5) / top
        w = torch.clamp(torch.round(w / scale), -top, top) * scale
    return w.reshape(shape)


def awq(bits, group, zero_point=True, duo=False, clip=True, grid=20):
    x_mean = XT.abs().mean(0)
    shares = (WT.reshape(-1, group).abs() / (WT.reshape(-1, group).abs().amax(1, keepdim=True) + 1e-6))
    w_mean = shares.reshape(WT.shape).mean(0)
    reference = XT @ WT.T
    losses = []
    best = None
    for i in range(grid):
        ratio = i / grid
        s = x_mean.pow(ratio)
        if duo:
            s = s / (w_mean.pow(1 - ratio) + 1e-4)
        s = s.clamp(min=1e-4)
        s = s / (s.max() * s.min()).sqrt()
        s[torch.isinf(s) | torch.isnan(s)] = 1
        out = XT @ (pseudo_quantize(WT * s, bits, group, zero_point) / s).T
        losses.append(float((out - reference).pow(2).sum() / len(X)))
        if losses[-1] == min(losses):
            best = s
    w, x = WT * best, XT / best
    if clip:
        w = best_clip(w, x, bits, group, zero_point)
    values = pseudo_quantize(w, bits, group, zero_point) / best
    return values.numpy(), losses


def best_clip(w, x, bits, group, zero_point, n_grid=20, max_shrink=0.5):
    result = w.clone()
    for g in range(0, w.shape[1], group):
        part, seen = w[:, g : g + group], x[:, g : g + group]
        top = part.abs().amax(1, keepdim=True)
        least = torch.full((len(w),), torch.inf, dtype=w.dtype)
        for i in range(int(max_shrink * n_grid)):
            limit = top * (1 - i / n_grid)
            cut = torch.clamp(part, -limit, limit)
            out = seen @ (pseudo_quantize(cut, bits, group, zero_point) - part).T
            err = out.pow(2).mean(0)
            better = err < least
            least[better] = err[better]
            result[:, g : g + group][better] = cut[better]
    return result


def awq_cases():
    cases = []
    for text, arguments in {
        "awq/int4/group=32": (4, 32),
        "awq/int3/group=64/clip=false": (3, 64, True, False, False),
        "awq/int3/group=32/duo": (3, 32, True, True),
        "awq/int4/symmetric/group=32": (4, 32, False),
    }.items():
        values, losses = awq(*arguments)
        cases.append(entry(text, values, losses=losses))
    return cases


# SmoothQuant, LLM.int8() --------------------------------------------------------------------------------

def smoothquant(alpha):
    act = XT.abs().amax(0).float()
    w_max = torch.from_numpy(W).abs().amax(0).clamp(min=1e-5)
    s = (act.pow(alpha) / w_max.pow(1 - alpha)).clamp(min=1e-5)
    s[act == 0] = 1
    w = torch.from_numpy(W) * s
    scale = w.abs().amax(1, keepdim=True) / 127
    return (torch.round(w / scale) * scale / s).numpy(), s.numpy()


def llm_int8():
    codes, absmax, _ = torch.ops.bitsandbytes.int8_vectorwise_quant.default(torch.from_numpy(W.copy()), 0.0)
    return coded(codes.float().numpy()), (codes.float() * absmax[:, None] / 127).numpy()


# bitsandbytes, hqq, small floats -------------------------------------------------------------------------

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


def half_quadratic(bits, group):
    codes, meta = Quantizer.quantize(torch.from_numpy(W), nbits=bits, group_size=group, axis=1, bitpack=False,
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


# Pruning ------------------------------------------------------------------------------------------------

def smallest(scores, count):
    mask = np.zeros(scores.size, dtype=bool)
    mask[np.argsort(scores.reshape(-1), kind="stable")[:count]] = True
    return mask.reshape(scores.shape)


def prune(rule, sparsity, two_of_four):
    norms = np.sqrt((X.astype(np.float64) ** 2).sum(0))
    scores = np.abs(W).astype(np.float64) * (norms if rule == "wanda" else 1)
    mask = np.zeros(W.shape, dtype=bool)
    if two_of_four:
        for c in range(0, W.shape[1], 4):
            for r in range(len(W)):
                mask[r, c : c + 4] = smallest(scores[r, c : c + 4], 2)
    elif rule == "magnitude":
        mask = smallest(scores, int(sparsity * W.size))
    else:
        for r in range(len(W)):
            mask[r] = smallest(scores[r], int(sparsity * W.shape[1]))
    return np.where(mask, 0, W.astype(np.float16).astype(np.float32))


def sparsegpt(sparsity, two_of_four, percdamp=0.01, blocksize=128):
    w = WT.clone()
    cols = w.shape[1]
    h = XT.T @ XT * (2 / len(X))
    dead = torch.diag(h) == 0
    h[dead, dead] = 1
    w[:, dead] = 0
    h += percdamp * torch.mean(torch.diag(h)) * torch.eye(cols, dtype=h.dtype)
    hinv = torch.linalg.cholesky(torch.linalg.inv(h), upper=True)
    for i1 in range(0, cols, blocksize):
        i2 = min(i1 + blocksize, cols)
        w1 = w[:, i1:i2].clone()
        err1 = torch.zeros_like(w1)
        d = torch.diag(hinv[i1:i2, i1:i2])
        mask = torch.zeros_like(w1, dtype=torch.bool)
        if not two_of_four:
            mask = torch.from_numpy(smallest((w1**2 / d**2).numpy(), int(sparsity * w1.numel())))
        for i in range(i2 - i1):
            if two_of_four and i % 4 == 0:
                scores = w1[:, i : i + 4] ** 2 / d[i : i + 4] ** 2
                mask.scatter_(1, i + torch.topk(scores, 2, dim=1, largest=False)[1], True)
            q = torch.where(mask[:, i], 0.0, w1[:, i])
            err = (w1[:, i] - q) / d[i]
            w1[:, i:] -= err[:, None] * hinv[i1 + i, i1 + i : i2][None]
            w1[:, i] = q
            err1[:, i] = err
        w[:, i1:i2] = w1
        w[:, i2:] -= err1 @ hinv[i1:i2, i2:]
    return w.numpy().astype(np.float16).astype(np.float32)


def pruning_cases():
    return [
        entry("magnitude/sparsity=0.5", prune("magnitude", 0.5, False)),
        entry("magnitude/pattern=2:4", prune("magnitude", 0.5, True)),
        entry("wanda/sparsity=0.6", prune("wanda", 0.6, False)),
        entry("wanda/pattern=2:4", prune("wanda", 0.5, True)),
        entry("sparsegpt/sparsity=0.5", sparsegpt(0.5, False)),
        entry("sparsegpt/pattern=2:4", sparsegpt(0.5, True)),
    ]


# Codebooks ----------------------------------------------------------------------------------------------

def kmeans(bits, channel, sensitive):
    """The weighted sum of squares of the best of ten runs."""
    weights = (X.astype(np.float64) ** 2).mean(0) if sensitive else np.ones(W.shape[1])
    total = 0
    for rows in W if channel else [W.reshape(-1)]:
        h = np.tile(weights, rows.size // W.shape[1])
        total += KMeans(2**bits, n_init=10, random_state=0).fit(rows[:, None], sample_weight=h + 1e-30).inertia_
    return float(total)


def kmeans_cases():
    return [{"variant": text, "inertia": kmeans(bits, channel, sensitive), "sensitive": sensitive}
            for text, bits, channel, sensitive in [("kmeans/int4", 4, True, False),
                                                   ("kmeans/int2", 2, True, False),
                                                   ("kmeans/int4/tensor", 4, False, False),
                                                   ("kmeans/int3/sensitive", 3, True, True)]]


def product(dim, bits):
    """The sum of squares of the best of ten k-means runs over all subvectors."""
    vectors = W.reshape(-1, dim)
    return float(KMeans(2**bits, n_init=10, random_state=0).fit(vectors).inertia_)


# AdaRound -----------------------------------------------------------------------------------------------

def adaround(bits, group, steps, rate=0.03, reg=0.01):
    """Full-batch Adam on the rectified sigmoid, as AIMET and the paper's formulas (12) to (16)."""
    w = WT.reshape(-1, group)
    low, high = w.amin(1, keepdim=True).clamp(max=0), w.amax(1, keepdim=True).clamp(min=0)
    scale = (high - low).float().double() / (2**bits - 1)
    zero = torch.round(-low / scale)
    h = XT.T @ XT / len(X)
    floor = torch.floor(w / scale) + zero
    fraction = w / scale + zero - floor
    v = -torch.log(1.2 / (fraction + 0.1) - 1)
    v.requires_grad_()

    def value(up):
        return ((torch.clamp(floor + up, 0, 2**bits - 1) - zero) * scale).reshape(WT.shape)

    def loss_of(values):
        d = values - WT
        return ((d @ h) * d).sum()

    nearest = loss_of(((torch.clamp(torch.round(w / scale) + zero, 0, 2**bits - 1) - zero) * scale).reshape(WT.shape))
    adam = torch.optim.Adam([v], lr=rate)
    for step in range(steps):
        adam.zero_grad()
        up = torch.clamp(1.2 * torch.sigmoid(v) - 0.1, 0, 1)
        loss = loss_of(value(up)) * WT.numel() / nearest
        if step >= 0.2 * steps:
            part = (step - 0.2 * steps) / (0.8 * steps)
            beta = 2 + 9 * (1 + np.cos(part * np.pi))
            loss = loss + reg * (1 - (2 * up - 1).abs() ** beta).sum()
        loss.backward()
        adam.step()
    up = (torch.clamp(1.2 * torch.sigmoid(v) - 0.1, 0, 1) >= 0.5).double()
    return value(up).detach().numpy()


# QuIP# --------------------------------------------------------------------------------------------------

def counter_bits(seed, stream, count):
    """quantscope's CounterRandom(seed, stream).bits(n): the signs must be the same on both sides."""
    golden, mask = 0x9E3779B97F4A7C15, 2**64 - 1

    def mix(x):
        x ^= x >> 30
        x = x * 0xBF58476D1CE4E5B9 & mask
        x ^= x >> 27
        x = x * 0x94D049BB133111EB & mask
        return x ^ (x >> 31)

    key = mix((seed + golden) & mask) ^ mix((mix((stream + golden) & mask) + golden) & mask)
    return [mix((key + golden * (mix(n) | 1)) & mask) for n in range(count)]


def e8p_grid():
    """All 2^16 points, as QuIP#'s lib/codebook/latticee8_padded12_rvq4bit.py describes them."""
    half = [x / 2 for x in (1, 3, 5)]
    vectors = [v for v in itertools.product(half, repeat=8) if sum(x * x for x in v) <= 10]
    norm12 = ("31113333 13113333 11313333 11133333 33313311 33313131 33311331 33313113 33311313 33311133 33133311 "
              "33133131 33131331 33133113 33131313 33131133 31333311 31333131 31331331 31333113 31331313 13331133 "
              "13333311 13333131 13331331 13333113 13331313 11331333 33113331")
    vectors += [tuple(int(c) / 2 for c in word) for word in norm12.split()]
    assert len(vectors) == 256
    points = []
    for v in vectors:
        for signs in itertools.product((1, -1), repeat=8):
            if (signs.count(-1) + int(sum(v))) % 2 == 0:
                points += [[s * x + shift for s, x in zip(signs, v)] for shift in (-0.25, 0.25)]
    assert len(points) == 2**16
    return torch.tensor(points, dtype=torch.float64)


def quip_sharp(four_bits, rounds, damp=0.01):
    grid = e8p_grid()
    norms = (grid**2).sum(1)

    def e8p(x):
        return grid[torch.argmax(2 * x @ grid.T - norms, dim=1)]

    def rounded(x):
        first = e8p(x)
        return first + e8p((x - first) * 3.45) / 3.45 if four_bits else first

    rows, cols = WT.shape
    su = torch.tensor([1.0 if b & 1 else -1.0 for b in counter_bits(0, 1, cols)], dtype=torch.float64)
    sv = torch.tensor([1.0 if b & 1 else -1.0 for b in counter_bits(0, 2, rows)], dtype=torch.float64)
    hn = torch.from_numpy(scipy.linalg.hadamard(cols) / np.sqrt(cols)) * su
    hm = torch.from_numpy(scipy.linalg.hadamard(rows) / np.sqrt(rows)) * sv
    h = XT.T @ XT / len(X)
    dead = torch.diag(h) == 0
    h[dead, dead] = 1
    h = hn @ (h + damp * torch.diag(h).mean() * torch.eye(cols, dtype=h.dtype)) @ hn.T
    w = hm @ WT @ hn.T
    scale = (w**2).mean().sqrt() / 1.03
    w = w / scale
    factor = torch.linalg.cholesky(h)
    hat = torch.zeros_like(w)
    blocks = [slice(k, k + 8) for k in reversed(range(0, cols, 8))]
    for b in blocks:
        feedback = factor[b.stop :, b] @ torch.linalg.inv(factor[b, b])
        hat[:, b] = rounded(w[:, b] + (w - hat)[:, b.stop :] @ feedback)
    for _ in range(rounds):
        for b in blocks:
            hat[:, b] = rounded(hat[:, b] + (w - hat) @ h[:, b] @ torch.linalg.inv(h[b, b]))
    return (hm.T @ (hat * scale) @ hn).numpy()


def smoothing_cases():
    cases = []
    for alpha in (0.5, 0.75):
        values, scale = smoothquant(alpha)
        text = "smoothquant/w8a8" + ("" if alpha == 0.5 else f"/alpha={alpha}")
        cases.append(entry(text, values, scale=coded(scale)))
    codes, values = llm_int8()
    cases.append(entry("llm-int8", values, codes=codes))
    return cases


if __name__ == "__main__":
    golden = {
        "generator": "make_method_goldens.py",
        "versions": {"torch": torch.__version__.split("+")[0], "hqq": getattr(hqq, "__version__", ""),
                     "bitsandbytes": bitsandbytes.__version__, "torchao": torchao.__version__},
        "inputs": {"weight": coded(W[:2]), "tokens": coded(X[:2])},
        "gptq": gptq_cases(),
        "awq": awq_cases(),
        "smoothing": smoothing_cases(),
        "storage": storage_cases(),
        "pruning": pruning_cases(),
        "kmeans": kmeans_cases(),
        "adaround": [entry("adaround/int4/group=32/steps=300", adaround(4, 32, 300)),
                     entry("adaround/int3/group=64/steps=300", adaround(3, 64, 300))],
        "quip": [entry("quip-sharp/tune=0", quip_sharp(False, 0)), entry("quip-sharp", quip_sharp(False, 2)),
                 entry("quip-sharp/bits=4", quip_sharp(True, 2))],
        "product": [{"variant": "pq/dim=4/bits=4", "inertia": product(4, 4)},
                    {"variant": "pq/dim=2/bits=6", "inertia": product(2, 6)}],
    }
    path = Path(__file__).with_name("methods.json")
    path.write_text(json.dumps(golden, indent=1) + "\n")
