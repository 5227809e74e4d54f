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
    return [entry("adaround/int4/group=32/steps=300", adaround(4, 32, 300)),
            entry("adaround/int3/group=64/steps=300", adaround(3, 64, 300))]
