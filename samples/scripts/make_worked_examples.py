#!/usr/bin/env python3
"""Writes the matrices of the lectures' worked examples as float32 .npy files into samples/worked-examples.

    python samples/scripts/make_worked_examples.py

The matrices have the lecture's own orientation. In the int8 product that is Y = X W with W [in x out].
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent.parent / "worked-examples"

MATRICES: dict[str, list[list[float]]] = {
    # Signed 2-bit affine, one scale for the tensor: S = 3.2 / 3, Z = -1. The lecture's text prints row 2, column 0
    # as 0.91; its codes and reconstruction are those of -0.91.
    "affine-2bit-w": [
        [2.09, -0.98, 1.48, 0.09],
        [0.05, -0.14, -1.08, 2.12],
        [-0.91, 1.92, 0.0, -1.03],
        [1.87, 0.0, 1.53, 1.49],
    ],
    # Signed 3-bit affine: S = 3, Z = -3, error of one in two places.
    "affine-3bit-a-w": [[18, 7, 8], [3, 6, 12], [0, -3, -2]],
    # Signed 3-bit affine: S = 3, Z = -2, no error. The slide's Z = -1 clips 15.
    "affine-3bit-b-w": [[15, 6, 9], [3, -3, 12], [0, -6, 0]],
    # 8-bit affine over [-1, 2]: 0.5 and 1.5 are exact ties and tell the rounding conventions apart.
    "affine-8bit-ties-x": [[-1.0, -0.8, 0.5, 1.5, 2.0]],
    # Vector-wise int8 product: a scale for each row of X and each column of W.
    "int8-product-x": [[2, 6, -15], [-7, 9, 12], [3, -10, 8], [8, 1, 3], [-1, 11, 9]],
    "int8-product-w": [[7, -3], [2, -8], [-4, 0]],
    # Integer-only product: X is what a ReLU leaves, W lies beside zero, so that both zero points are at work.
    "integer-only-product-x": [[0.0, 1.2, 3.1, 0.4], [2.55, 0.0, 0.7, 5.1], [1.6, 4.3, 0.0, 0.2], [0.9, 2.2, 3.8, 1.5]],
    "integer-only-product-w": [[0.9, -0.2, 0.4], [-0.1, 0.55, 1.0], [0.3, -0.27, 0.7], [0.62, 0.15, -0.05]],
    # Outliers: input channel 2 of X is ten to twenty times larger than the others, with small weights behind it.
    "outlier-product-x": [
        [0.8, -1.3, 42.5, 0.4, -2.1, 1.7, 0.2, -0.9],
        [-1.1, 0.6, 38.2, -0.7, 1.4, -0.3, 2.2, 0.5],
        [2.4, 0.1, -51.7, 1.2, 0.9, -1.6, -0.4, 1.3],
        [0.3, -2.0, 47.9, -1.5, 0.2, 0.8, 1.1, -0.6],
        [-0.5, 1.9, 60.1, 0.6, -1.2, 2.3, -1.8, 0.7],
        [1.5, -0.4, -44.4, 2.0, 0.5, -0.2, 0.9, -1.7],
    ],
    "outlier-product-w": [
        [0.31, -0.42, 0.15, 0.08],
        [-0.22, 0.37, 0.41, -0.12],
        [0.011, -0.024, 0.018, 0.007],
        [0.45, 0.13, -0.36, 0.27],
        [-0.18, 0.29, 0.06, -0.44],
        [0.24, -0.33, 0.47, 0.19],
        [-0.39, 0.21, -0.1, 0.34],
        [0.16, 0.4, -0.28, -0.3],
    ],
}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, rows in MATRICES.items():
        np.save(FOLDER / f"{name}.npy", np.array(rows, dtype=np.float32))


if __name__ == "__main__":
    main()
