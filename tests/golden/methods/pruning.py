# SPDX-License-Identifier: Apache-2.0
"""Magnitude, Wanda and SparseGPT: the papers' arithmetic stated anew, after locuslab/wanda lib/prune.py and
IST-DASLab/sparsegpt sparsegpt.py."""

import numpy as np
import torch

from layer import W, WT, X, XT, entry


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
