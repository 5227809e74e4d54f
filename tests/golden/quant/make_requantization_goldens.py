# SPDX-License-Identifier: Apache-2.0
"""Integer requantization, stated anew with NumPy after gemmlowp and TFLite: requantization.json.

gemmlowp fixedpoint/fixedpoint.h: SaturatingRoundingDoublingHighMul, RoundingDivideByPOT; TFLite
kernels/internal/quantization_util.cc: QuantizeMultiplier. Everything here is done in Python's unbounded integers
and exact rationals, by the definition of each operation rather than by its C++ text.

    pip install -r ../requirements.txt
    python make_requantization_goldens.py
"""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np

LOW, HIGH = -(2**31), 2**31 - 1


def saturate(x):
    return min(max(x, LOW), HIGH)


def truncated_division(a, b):
    q = abs(a) // abs(b)
    return q if (a < 0) == (b < 0) else -q


def high_multiply(a, b):
    """The nudged product over 2^31, truncated: nearest, exact ties towards plus infinity."""
    product = a * b
    nudge = 2**30 if product >= 0 else 1 - 2**30
    return saturate(truncated_division(product + nudge, 2**31))


def half_away(x):
    """Nearest integer of a rational, ties away from zero."""
    sign = -1 if x < 0 else 1
    return sign * int(abs(x) + Fraction(1, 2))


def quantize_multiplier(real):
    fraction, exponent = np.frexp(np.float64(real))
    mantissa = half_away(Fraction(float(fraction)) * 2**31)
    if mantissa == 2**31:
        mantissa, exponent = mantissa // 2, exponent + 1
    return int(mantissa), -int(exponent)


def multiply(x, mantissa, right_shift):
    left, right = max(-right_shift, 0), max(right_shift, 0)
    high = high_multiply(saturate(x * 2**left), mantissa)
    return half_away(Fraction(high, 2**right))


def values(random):
    edges = [0, 1, -1, 2, -2, 3, LOW, LOW + 1, HIGH, HIGH - 1, 2**30, -(2**30), 2**15, -(2**15), 127 * 127]
    magnitudes = 2.0 ** random.uniform(0, 31, 60)
    return edges + [saturate(int(s * m)) for s, m in zip(random.choice([-1, 1], 60), magnitudes)]


def main():
    random = np.random.default_rng(2018)
    xs = values(random)
    reals = [0.5, 1.0, 0.9999999999, 0.75, 1 / 3, 0.0061, 2.0**-32, 1.5 * 2.0**-20, 1.0 + 2.0**-31, 3.0, 1000.5]
    reals += list(2.0 ** random.uniform(-24, 4, 30))
    pairs = [(int(a), int(b)) for a in xs[:40] for b in random.choice(xs, 6)] + [(LOW, LOW), (LOW, HIGH)]
    # Products that are an odd multiple of 2^30: ties of the high multiply, of both signs.
    pairs += [(s * (2 * i + 1), 2**30) for i in range(4) for s in (-1, 1)]
    shifts = [(x, int(b)) for x in xs for b in random.integers(0, 32, 4)]
    shifts += [(s * (2 * i + 1) * 2 ** (b - 1), b) for i in range(3) for b in (1, 4, 9) for s in (-1, 1)]
    multipliers = []
    for real in reals:
        mantissa, shift = quantize_multiplier(real)
        multipliers.append({
            "real": float(real), "mantissa": mantissa, "rightShift": shift,
            "results": [multiply(x, mantissa, shift) for x in xs]})
    channels = []
    for real in 2.0 ** random.uniform(-12, -5, 4):
        mantissa, shift = quantize_multiplier(real)
        bias = int(random.integers(-4000, 4000))
        column = [int(v) for v in random.integers(-60000, 60000, 24)]
        codes = [min(max(multiply(v + bias, mantissa, shift) + 3, -128), 127) for v in column]
        channels.append({"real": float(real), "bias": bias, "accumulators": column, "codes": codes})
    golden = {
        "generator": "make_requantization_goldens.py", "values": xs,
        "highMultiply": [[a, b, high_multiply(a, b)] for a, b in pairs],
        "rightShift": [[x, b, half_away(Fraction(x, 2**b))] for x, b in shifts],
        "multipliers": multipliers, "zeroPoint": 3, "channels": channels}
    text = json.dumps(golden, separators=(",", ":")).replace("],[", "],\n[").replace(',{"', ',\n{"')
    (Path(__file__).parent / "requantization.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
