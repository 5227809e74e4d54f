# SPDX-License-Identifier: Apache-2.0
"""The weights and inputs of the golden files, by a formula that tests/methods/method_inputs.h repeats exactly:
every value is a small multiple of a power of two, so float32 holds it without rounding."""

import numpy as np

ROWS, COLS, TOKENS = 16, 128, 256
OUTLIER_CHANNEL, DEAD_CHANNEL = 17, 5


class Numbers:
    def __init__(self, seed):
        self.state = seed

    def next(self):
        """Sum of four uniform numbers, about normal with variance 4/3."""
        total = 0
        for _ in range(4):
            self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
            total += self.state >> 48
        return (total - 131070) / 32768


def matrix(seed, rows, cols):
    numbers = Numbers(seed)
    return np.array([numbers.next() for _ in range(rows * cols)], dtype=np.float64).reshape(rows, cols)


def weight(rows=ROWS, cols=COLS, seed=1):
    w = matrix(seed, rows, cols) / 32
    w[:, 3] *= 4
    return w.astype(np.float32)


def tokens(rows=TOKENS, cols=COLS, seed=2):
    """Neighbouring channels are correlated, one is an outlier, one is dead."""
    z = matrix(seed, rows, cols)
    x = z + 0.5 * np.roll(z, 1, axis=1) + 0.25 * np.roll(z, 7, axis=1)
    x[:, OUTLIER_CHANNEL] *= 16
    x[:, DEAD_CHANNEL] = 0
    return x.astype(np.float32)
