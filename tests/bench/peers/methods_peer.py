# SPDX-License-Identifier: Apache-2.0
"""bench_methods beside a plain torch GPTQ (float32, block 128, after IST-DASLab/gptq gptq.py) on the same shapes,
taking turns in one run: methods_peer.py PROGRAM [ROUNDS]. Prints the seconds of each turn and the ratio of the
medians."""

import statistics
import subprocess
import sys
import time

import torch

SHAPES = [(576, 576), (192, 576), (192, 576), (576, 576), (1536, 576), (1536, 576), (576, 1536)]
TOKENS, WINDOW, BITS, GROUP, BLOCK = 8192, 512, 4, 64, 128
VARIANT = "gptq/int4/affine/group=64"


def find_params(w):
    low = w.amin(1, keepdim=True).clamp(max=0)
    high = w.amax(1, keepdim=True).clamp(min=0)
    scale = (high - low) / (2**BITS - 1)
    return scale, torch.round(-low / scale)


def hessian(x):
    h = torch.zeros(x.shape[1], x.shape[1])
    for i in range(0, len(x), WINDOW):
        rows = x[i : i + WINDOW]
        h += rows.T @ rows
    return h * (2 / len(x))


def gptq(w, h):
    w = w.clone()
    cols = w.shape[1]
    h = h + 0.01 * torch.diag(h).mean() * torch.eye(cols)
    hinv = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(h)), upper=True)
    q = torch.zeros_like(w)
    for i1 in range(0, cols, BLOCK):
        i2 = min(i1 + BLOCK, cols)
        w1, inverse = w[:, i1:i2].clone(), hinv[i1:i2, i1:i2]
        err1 = torch.zeros_like(w1)
        for i in range(i2 - i1):
            column = w1[:, i : i + 1]
            if (i1 + i) % GROUP == 0:
                scale, zero = find_params(w[:, i1 + i : i1 + i + GROUP])
            code = torch.clamp(torch.round(column / scale) + zero, 0, 2**BITS - 1)
            value = scale * (code - zero)
            q[:, i1 + i] = value[:, 0]
            err = (column - value) / inverse[i, i]
            w1[:, i:] -= err @ inverse[i, i:][None]
            err1[:, i] = err[:, 0]
        w[:, i2:] -= err1 @ hinv[i1:i2, i2:]
    return q


def peer():
    torch.manual_seed(0)
    layers = [(torch.randn(shape) * 0.05, torch.randn(TOKENS, shape[1])) for shape in SHAPES]
    start = time.perf_counter()
    for w, x in layers:
        gptq(w, hessian(x))
    return time.perf_counter() - start


def ours(program):
    fields = subprocess.run([program, VARIANT], capture_output=True, text=True, check=True).stdout.split("\t")
    return float(fields[1]) + float(fields[2])


if __name__ == "__main__":
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    torch.set_num_threads(len(__import__("os").sched_getaffinity(0)))
    pairs = []
    for _ in range(rounds):
        pairs.append((peer(), ours(sys.argv[1])))
        print(f"torch {pairs[-1][0]:.3f} s   quantscope {pairs[-1][1]:.3f} s", flush=True)
    a, b = (statistics.median(column) for column in zip(*pairs))
    print(f"{VARIANT}, one block of SmolLM2-135M, {TOKENS} tokens: {a / b:.1f}x")
