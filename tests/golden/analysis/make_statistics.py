# SPDX-License-Identifier: Apache-2.0
"""Statistics of a small matrix by NumPy, for tests/analysis/test_statistics_golden.cpp.

Usage: python make_statistics.py > statistics.txt
The matrix is 40 x 50, element n = (((n * 7919) mod 1009 - 504) / 64)^3 / 16 in float32: exact in any language.
"""
import numpy as np

n = np.arange(2000, dtype=np.int64)
base = (((n * 7919) % 1009) - 504).astype(np.float32) / np.float32(64)
x = base * base * base / np.float32(16)
d = x.astype(np.float64)

print(f"# numpy {np.__version__}; relative tolerance 1e-9, histogram counts exact")
print("mean", repr(float(d.mean())))
print("std", repr(float(d.std())))
c = d - d.mean()
print("skewness", repr(float((c**3).mean() / d.std() ** 3)))
print("kurtosis", repr(float((c**4).mean() / d.std() ** 4)))
for p in (0.01, 0.1, 1, 5, 25, 50, 75, 95, 99, 99.9, 99.99):
    print(f"percentile{p}", repr(float(np.percentile(d, p))))
counts, _ = np.histogram(d, bins=32, range=(-20.3125, 19.6875))
for i, count in enumerate(counts):
    print(f"bin{i}", int(count))
print("below", int((d < -20.3125).sum()))
print("above", int((d > 19.6875).sum()))
