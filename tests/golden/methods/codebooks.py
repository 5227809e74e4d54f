# SPDX-License-Identifier: Apache-2.0
"""Codebooks: scikit-learn's k-means of single weights and of subvectors, and QuIP#'s lattice stated anew."""

import itertools

import numpy as np
import scipy.linalg
import torch
from sklearn.cluster import KMeans

from layer import W, WT, X, XT, entry


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


def product_cases():
    return [{"variant": "pq/dim=4/bits=4", "inertia": product(4, 4)},
            {"variant": "pq/dim=2/bits=6", "inertia": product(2, 6)}]


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


def e8_short():
    """E81B of latticee8_padded12_rvq3bit.py: E8 up to norm^2 2, and 15 of the 16 vectors with a single 2."""
    whole = torch.cartesian_prod(*[torch.arange(-1.0, 2)] * 8)
    half = torch.cartesian_prod(*[torch.tensor([-0.5, 0.5])] * 8)
    points = torch.cat([whole, half])
    points = points[(points.sum(1) % 2 == 0) & ((points**2).sum(1) <= 2)]
    twos = torch.cat([2 * torch.eye(8), -2 * torch.eye(8)])[:15]
    return torch.cat([points, twos]).double()


def quip_sharp(bits, rounds, damp=0.01):
    grid, short = e8p_grid(), e8_short()
    assert len(short) == 256
    widen = 0.98 if bits == 3 else 1.03

    def nearest(x, points):
        return points[torch.argmax(2 * x @ points.T - (points**2).sum(1), dim=1)]

    def rounded(x):
        first = nearest(x, grid)
        if bits == 2:
            return first
        times, rest = (2.04, short) if bits == 3 else (3.45, grid)
        return first + nearest((x - first) * times, rest) / times

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
    scale = (w**2).mean().sqrt() / widen
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


def quip_cases():
    return [entry("quip-sharp/tune=0", quip_sharp(2, 0)), entry("quip-sharp", quip_sharp(2, 2)),
            entry("quip-sharp/bits=3", quip_sharp(3, 2)), entry("quip-sharp/bits=4", quip_sharp(4, 2))]
