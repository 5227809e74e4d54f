# SPDX-License-Identifier: Apache-2.0
"""What methods_peer.py measures beside bench_methods: for each variant a function of one block's layers, pairs of a
weight and its inputs. Packages where a package does it (bitsandbytes, hqq, torchao, scikit-learn, llama.cpp's library
as llama-cpp-python brings it), otherwise the method's own scripts restated in plain float32 torch."""

import ctypes
import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

GROUP = 64


def hessian(x, window=512):
    h = torch.zeros(x.shape[1], x.shape[1])
    for i in range(0, len(x), window):
        rows = x[i : i + window]
        h += rows.T @ rows
    return h * (2 / len(x))


def find_params(w, bits):
    low = w.amin(1, keepdim=True).clamp(max=0)
    high = w.amax(1, keepdim=True).clamp(min=0)
    scale = (high - low) / (2**bits - 1)
    return scale, torch.round(-low / scale)


def fake(w, bits):
    """Affine codes of groups and back."""
    parts = w.reshape(-1, GROUP)
    scale, zero = find_params(parts, bits)
    return ((torch.clamp(torch.round(parts / scale) + zero, 0, 2**bits - 1) - zero) * scale).reshape(w.shape)


def inverse_factor(h, damp=0.01):
    h = h + damp * torch.diag(h).mean() * torch.eye(len(h))
    return torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(h)), upper=True)


def gptq(w, x, bits=4, block=128, h=None):
    """After IST-DASLab/gptq gptq.py."""
    hinv = inverse_factor(hessian(x) if h is None else h)
    w = w.clone()
    q = torch.zeros_like(w)
    for i1 in range(0, w.shape[1], block):
        i2 = min(i1 + block, w.shape[1])
        w1, inverse = w[:, i1:i2].clone(), hinv[i1:i2, i1:i2]
        err1 = torch.zeros_like(w1)
        for i in range(i2 - i1):
            column = w1[:, i : i + 1]
            if (i1 + i) % GROUP == 0:
                scale, zero = find_params(w[:, i1 + i : i1 + i + GROUP], bits)
            code = torch.clamp(torch.round(column / scale) + zero, 0, 2**bits - 1)
            value = scale * (code - zero)
            q[:, i1 + i] = value[:, 0]
            err = (column - value) / inverse[i, i]
            w1[:, i:] -= err @ inverse[i, i:][None]
            err1[:, i] = err[:, 0]
        w[:, i2:] -= err1 @ hinv[i1:i2, i2:]
    return q


def sparsegpt(w, x, block=128, h=None):
    """Pattern 2:4, after IST-DASLab/sparsegpt sparsegpt.py."""
    hinv = inverse_factor(hessian(x) if h is None else h)
    w = w.clone()
    for i1 in range(0, w.shape[1], block):
        i2 = min(i1 + block, w.shape[1])
        w1, inverse = w[:, i1:i2].clone(), hinv[i1:i2, i1:i2]
        err1 = torch.zeros_like(w1)
        mask = torch.zeros_like(w1, dtype=torch.bool)
        d = torch.diag(inverse)
        for i in range(i2 - i1):
            if i % 4 == 0:
                scores = w1[:, i : i + 4] ** 2 / d[i : i + 4] ** 2
                mask.scatter_(1, i + torch.topk(scores, 2, dim=1, largest=False)[1], True)
            q = torch.where(mask[:, i], 0.0, w1[:, i])
            err = (w1[:, i] - q) / d[i]
            w1[:, i:] -= err[:, None] @ inverse[i, i:][None]
            w1[:, i] = q
            err1[:, i] = err
        w[:, i1:i2] = w1
        w[:, i2:] -= err1 @ hinv[i1:i2, i2:]
    return w


def wanda(w, x):
    scores = w.abs() * x.norm(dim=0)
    return w.scatter(1, torch.topk(scores, w.shape[1] // 2, dim=1, largest=False)[1], 0.0)


def awq_scale(readers, x, bits=4, grid=20):
    """After AutoAWQ quantizer.py: of 20 scales the one with the least loss of all layers that read these inputs."""
    mean = x.abs().mean(0)
    references = [x @ w.T for w in readers]
    best = least = None
    for i in range(grid):
        s = mean.pow(i / grid).clamp(min=1e-4)
        s = s / (s.max() * s.min()).sqrt()
        loss = sum(float((x @ (fake(w * s, bits) / s).T - y).pow(2).sum())
                   for w, y in zip(readers, references, strict=True))
        if least is None or loss < least:
            best, least = s, loss
    return best


def awq_clip(w, x, bits=4):
    """After AutoAWQ quantizer.py: of 10 limits a group the one with the least loss on 512 inputs."""
    seen = x[:: max(1, len(x) // 512)]
    result = w.clone()
    for g in range(0, w.shape[1], GROUP):
        part, inputs = w[:, g : g + GROUP], seen[:, g : g + GROUP]
        top = part.abs().amax(1, keepdim=True)
        low = torch.full((len(w),), torch.inf)
        for i in range(10):
            cut = torch.clamp(part, -top * (1 - i / 20), top * (1 - i / 20))
            err = (inputs @ (fake(cut, bits) - part).T).pow(2).mean(0)
            better = err < low
            low[better] = err[better]
            result[:, g : g + GROUP][better] = cut[better]
    return result


def awq(w, x, bits=4):
    s = awq_scale([w], x, bits)
    return fake(awq_clip(w * s, x / s, bits), bits) / s


def adaround(w, x, bits=4, steps=20):
    """After the paper and AIMET, the loss from X^T X."""
    h = hessian(x)
    parts = w.reshape(-1, GROUP)
    scale, zero = find_params(parts, bits)
    floor = torch.floor(parts / scale) + zero
    fraction = parts / scale + zero - floor
    v = (-torch.log(1.2 / (fraction + 0.1) - 1)).requires_grad_()
    adam = torch.optim.Adam([v], lr=0.03)
    for step in range(steps):
        adam.zero_grad()
        up = torch.clamp(1.2 * torch.sigmoid(v) - 0.1, 0, 1)
        d = ((torch.clamp(floor + up, 0, 2**bits - 1) - zero) * scale).reshape(w.shape) - w
        loss = ((d @ h) * d).sum() + 0.01 * (1 - (2 * up - 1).abs() ** (20 - step * 0.5)).sum()
        loss.backward()
        adam.step()
    return v


def smoothquant(w, x, alpha=0.5):
    s = x.abs().amax(0).pow(alpha) / w.abs().amax(0).pow(1 - alpha)
    w, x = w * s, x / s
    top = w.abs().amax(1, keepdim=True) / 127
    return torch.clamp(torch.round(w / top), -127, 127) * top / s


class E8P:
    """The nearest of QuIP#'s 2^16 points by their 256 absolute vectors, as its codebook describes them."""

    def __init__(self):
        half = [v for v in itertools.product((0.5, 1.5, 2.5), repeat=8) if sum(c * c for c in v) <= 10]
        norm12 = [v for v in itertools.product((0.5, 1.5), repeat=8) if sum(c * c for c in v) == 12][:29]
        self.vectors = torch.tensor(half + norm12)
        self.norms = (self.vectors**2).sum(1)
        self.odd = self.vectors.sum(1) % 2 == 1

    def nearest(self, x):
        best = least = None
        for shift in (-0.25, 0.25):
            y = x - shift
            size = y.abs()
            products = size[:, None] * self.vectors
            cheapest, place = products.min(2)
            turned = self.odd[None] != ((y < 0).sum(1) % 2 == 1)[:, None]
            distance = self.norms - 2 * size @ self.vectors.T + 4 * turned * cheapest + (y * y).sum(1, keepdim=True)
            low, k = distance.min(1)
            signs = torch.where(y < 0, -1.0, 1.0)
            rows = torch.arange(len(x))
            signs[rows, place[rows, k]] *= 1 - 2 * turned[rows, k].float()
            value = signs * self.vectors[k] + shift
            if best is None:
                best, least = value, low
            else:
                best = torch.where((low < least)[:, None], value, best)
        return best


def rotated(n):
    """A Hadamard matrix times any orthogonal one for the odd factor, its columns' signs random: without them what a row
    has in common would gather in one place."""
    even = n & -n
    base = torch.linalg.qr(torch.randn(n // even, n // even))[0]
    power = torch.ones(1, 1)
    while len(power) < even:
        power = torch.cat([torch.cat([power, power], 1), torch.cat([power, -power], 1)])
    return torch.kron(base.contiguous(), power / math.sqrt(even)) * torch.randn(n).sign()


def quip_sharp(w, x, rounds=2):
    """After quip-sharp lib/algo/quip.py, 2 bits."""
    book = E8P()
    h = hessian(x)
    left, right = rotated(len(w)), rotated(w.shape[1])
    h = right @ (h + 0.01 * torch.diag(h).mean() * torch.eye(len(h))) @ right.T
    w = left @ w @ right.T
    scale = (w**2).mean().sqrt() / 1.03
    w = w / scale
    factor = torch.linalg.cholesky(h)
    hat = torch.zeros_like(w)
    blocks = [slice(k, k + 8) for k in reversed(range(0, w.shape[1], 8))]
    for b in blocks:
        feedback = factor[b.stop :, b] @ torch.linalg.inv(factor[b, b])
        hat[:, b] = book.nearest(w[:, b] + (w - hat)[:, b.stop :] @ feedback)
    for _ in range(rounds):
        for b in blocks:
            hat[:, b] = book.nearest(hat[:, b] + (w - hat) @ h[:, b] @ torch.linalg.inv(h[b, b]))
    return left.T @ (hat * scale) @ right


def bitsandbytes_peers():
    import bitsandbytes.functional as bnb

    def four_bit(kind, double=False):
        return lambda w, x: bnb.quantize_4bit(w, blocksize=64, quant_type=kind, compress_statistics=double)

    return {"nf4/block=64": four_bit("nf4"), "nf4/block=64/double": four_bit("nf4", True),
            "fp4/block=64": four_bit("fp4"), "llm-int8": lambda w, x: bnb.int8_vectorwise_quant(w.half())}


def hqq_peers():
    from hqq.core.quantize import Quantizer

    return {f"hqq/int{bits}/group=64":
            lambda w, x, bits=bits: Quantizer.quantize(w, nbits=bits, group_size=GROUP, axis=1, device="cpu")
            for bits in (4, 3, 2)}


def torchao_peers():
    from torchao.prototype.mx_formats.mx_tensor import to_mx
    from torchao.prototype.mx_formats.nvfp4_tensor import nvfp4_quantize
    from torchao.quantization.quant_primitives import MappingType, choose_qparams_affine, quantize_affine

    def affine(w, x):
        scale, zero = choose_qparams_affine(w, MappingType.ASYMMETRIC, (1, GROUP), torch.int8, 0, 15)
        return quantize_affine(w, (1, GROUP), scale, zero, torch.int8, 0, 15)

    return {"int4/affine/group=64": affine,
            "mxfp8": lambda w, x: to_mx(w, torch.float8_e4m3fn, 32),
            "mxfp4": lambda w, x: to_mx(w, torch.float4_e2m1fn_x2, 32),
            "nvfp4": lambda w, x: nvfp4_quantize(w, 16, w.abs().max() / (448 * 6))}


def sklearn_peers():
    from sklearn.cluster import KMeans

    rows = 16  # of each layer; the time is scaled to all of them

    def by_row(w, x):
        for row in w[:rows].numpy():
            KMeans(16, n_init=1).fit(row[:, None])

    by_row.share = lambda w: rows / len(w)

    def product(dim):
        def run(w, x):
            points = w.reshape(-1, dim).numpy()
            sample = points[:: max(1, len(points) // 16384)]
            KMeans(256, n_init=1, max_iter=25).fit(sample).predict(points)

        return run

    return {"kmeans/int4": by_row, "pq/dim=4/bits=8": product(4), "pq/dim=2/bits=8": product(2)}


def ggml_peers():
    """ggml_quantize_chunk on two threads, half of the rows each. A width that the super-blocks of 256 do not divide
    gets the type llama-quantize falls back to, as in the program: of this model's layers only one is that wide."""
    import llama_cpp

    folder = Path(llama_cpp.__file__).parent / "lib"
    library = ctypes.CDLL(str(next(folder.glob("libggml-base.so*"))))
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    # ggml's number, elements and bytes of a block
    types = {"q2_k": (10, 256, 84), "q3_k": (11, 256, 110), "q4_k": (12, 256, 144), "q5_k": (13, 256, 176),
             "q6_k": (14, 256, 210), "iq4_nl": (20, 32, 18), "q5_0": (6, 32, 22), "q5_1": (7, 32, 24),
             "q8_0": (8, 32, 34)}
    fallbacks = {"q2_k": "iq4_nl", "q3_k": "iq4_nl", "q4_k": "q5_0", "q5_k": "q5_1", "q6_k": "q8_0"}

    def quantizer(name, weighted):
        def run(w, x):
            rows, cols = w.shape
            actual = name if cols % types[name][1] == 0 else fallbacks[name]
            kind, elements, size = types[actual]
            values = np.ascontiguousarray(w.numpy())
            out = np.zeros(rows * cols // elements * size, dtype=np.uint8)
            weighs = weighted and actual != "q8_0"  # which knows no importance
            importance = np.ascontiguousarray((x ** 2).mean(0).numpy()) if weighs else None

            def part(first, last):
                library.ggml_quantize_chunk(
                    kind, values.ctypes.data_as(ctypes.c_void_p), out.ctypes.data_as(ctypes.c_void_p),
                    ctypes.c_int64(first * cols), ctypes.c_int64(last - first), ctypes.c_int64(cols),
                    importance.ctypes.data_as(ctypes.c_void_p) if weighs else None)

            middle = rows // 2
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(part, (0, middle), (middle, rows)))

        return run

    peers = {}
    for name in ("q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_nl"):
        peers[name] = quantizer(name, False)
        peers[name + "/imatrix"] = quantizer(name, True)
    return peers


def torch_peers():
    return {"gptq/int4/affine/group=64": gptq, "sparsegpt/pattern=2:4": sparsegpt, "wanda/sparsity=0.5": wanda,
            "awq/int4/group=64": awq, "adaround/int4/affine/group=64/steps=20": adaround,
            "smoothquant/w8a8/alpha=0.5": smoothquant, "quip-sharp": quip_sharp}


SOURCES = {"torch": torch_peers, "bitsandbytes": bitsandbytes_peers, "hqq": hqq_peers, "torchao": torchao_peers,
           "scikit-learn": sklearn_peers, "llama.cpp": ggml_peers}
