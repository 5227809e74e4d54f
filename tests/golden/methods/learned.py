# SPDX-License-Identifier: Apache-2.0
"""AdaRound: the paper's formulas in torch, optimized with torch's own Adam."""

import numpy as np
import torch

from layer import WT, X, XT, entry


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


def adaround_cases():
    return [entry("adaround/int4/group=32/steps=300/lambda=0.01/turns=false", adaround(4, 32, 300)),
            entry("adaround/int3/group=64/steps=300/lambda=0.01/turns=false", adaround(3, 64, 300))]


def nearest(points, words):
    return torch.argmin(torch.cdist(points, words), dim=1)


def k_means(points, count, seed, steps=100):
    """Lloyd's iterations from points drawn by k-means++, in double."""
    random = np.random.default_rng(seed)
    words = points[random.integers(len(points))][None]
    for _ in range(1, min(count, len(points))):
        distance = torch.cdist(points, words).min(1).values ** 2
        pick = random.choice(len(points), p=(distance / distance.sum()).numpy())
        words = torch.cat([words, points[pick][None]])
    for _ in range(steps):
        codes = nearest(points, words)
        for k in range(len(words)):
            if (codes == k).any():
                words[k] = points[codes == k].mean(0)
    words = torch.cat([words, words.new_zeros(count - len(words), points.shape[1])])
    return words, nearest(points, words)


def aqlm(codebooks, bits, group, rounds=6, steps=100, damp=0.001):
    """AQLM as its paper states it: residual k-means, then codes and codewords in turn: codes group after group on the
    output error (every combination of words is tried where the paper follows a beam), codewords and scales by Adam."""
    rows, cols = WT.shape
    h = XT.T @ XT / len(X)
    h = h + damp * torch.diag(h).mean() * torch.eye(cols, dtype=h.dtype)
    scales = WT.pow(2).mean(1, keepdim=True).sqrt()
    left = (WT / scales).reshape(-1, group)
    words, codes = [], []
    for m in range(codebooks):
        found, code = k_means(left.clone(), 2**bits, m)
        left = left - found[code]
        words.append(found)
        codes.append(code.reshape(rows, -1))
    words, codes = torch.stack(words), torch.stack(codes, dim=2)

    def value(w, s, c):
        return s * sum(w[m][c[:, :, m]] for m in range(codebooks)).reshape(rows, cols)

    def loss_of(values):
        d = WT - values
        return ((d @ h) * d).sum()

    def search():
        sums = words[0] if codebooks == 1 else (words[0][:, None] + words[1][None]).reshape(-1, group)
        for g in range(cols // group):
            part = slice(g * group, (g + 1) * group)
            own = h[part, part]
            present = sum(words[m][codes[:, g, m]] for m in range(codebooks))
            aim = present @ own + (WT - value(words, scales, codes)) @ h[:, part] / scales
            best = torch.argmin(((sums @ own) * sums).sum(1) - 2 * aim @ sums.T, dim=1)
            if codebooks == 1:
                codes[:, g, 0] = best
            else:
                codes[:, g, 0], codes[:, g, 1] = best // 2**bits, best % 2**bits

    for _ in range(rounds):
        search()
        words.requires_grad_()
        scales.requires_grad_()
        adam = torch.optim.Adam([words, scales], lr=1e-3)
        for _ in range(steps):
            adam.zero_grad()
            loss_of(value(words, scales, codes)).backward()
            adam.step()
        words, scales = words.detach(), scales.detach()
    return value(words.half().double(), scales.half().double(), codes).numpy()


def aqlm_cases():
    return [entry("aqlm/codebooks=1/bits=6/group=8", aqlm(1, 6, 8)),
            entry("aqlm/codebooks=2/bits=5/group=8/seed=1/beam=16", aqlm(2, 5, 8)),
            entry("aqlm/codebooks=2/bits=6/group=4/seed=1/beam=16", aqlm(2, 6, 4))]
