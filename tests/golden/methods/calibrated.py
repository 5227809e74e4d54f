# SPDX-License-Identifier: Apache-2.0
"""GPTQ, AWQ, SmoothQuant and LLM.int8(). The first three exist as scripts around GPU models: their papers'
arithmetic is stated anew in float64 torch, after IST-DASLab/gptq gptq.py, casper-hansen/AutoAWQ
awq/quantize/quantizer.py and mit-han-lab/smoothquant smoothquant/smooth.py."""

import bitsandbytes  # noqa: F401, registers torch.ops.bitsandbytes
import torch

from layer import W, WT, X, XT, coded, entry


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


def smoothing_cases():
    cases = []
    for alpha in (0.5, 0.75):
        values, scale = smoothquant(alpha)
        text = "smoothquant/w8a8" + ("" if alpha == 0.5 else f"/alpha={alpha}")
        cases.append(entry(text, values, scale=coded(scale)))
    codes, values = llm_int8()
    cases.append(entry("llm-int8", values, codes=codes))
    return cases
