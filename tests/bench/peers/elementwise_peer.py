# SPDX-License-Identifier: Apache-2.0
"""Elementwise passes beside PyTorch's, alternately in one run: best times and ratios.

    elementwise_peer.py BENCH_ELEMENTWISE [ROUNDS]

Each round runs every pass of ours once (a Google Benchmark process with a short minimum time), then the peer's;
the best of all rounds counts on both sides, so that a busy moment of the machine hits both.
"""
import json
import subprocess
import sys
import time

SIZE = 64 << 20
SCALE = 3.0 / 127
OURS = ["memcpy", "quantize/int8/tensor", "quantize+error/int8/tensor", "histogram/256"]


def run_ours(program):
    names = "|".join(name.replace("+", "[+]") for name in OURS)
    done = subprocess.run(
        [program, f"--benchmark_filter=^({names})/real_time", "--benchmark_format=json", "--benchmark_min_time=0.5"],
        check=True, capture_output=True, text=True)
    return {b["name"].removesuffix("/real_time"): b["real_time"] * 1e-3 for b in json.loads(done.stdout)["benchmarks"]}


def timed(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main():
    program = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    peers = {}
    try:
        import torch
        values = torch.randn(SIZE)
        peers = {
            "torch.fake_quantize_per_tensor_affine":
                lambda: torch.fake_quantize_per_tensor_affine(values, SCALE, 0, -127, 127),
            "torch.histc": lambda: torch.histc(values, 256, -4, 4),
        }
        print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {SIZE / 1e6:.0f}M floats")
    except ImportError:
        print("torch is not installed here: our side only", file=sys.stderr)
    best = {}
    for _ in range(rounds):
        for name, seconds in run_ours(program).items():
            best[name] = min(best.get(name, seconds), seconds)
        for name, work in peers.items():
            seconds = min(timed(work) for _ in range(2))
            best[name] = min(best.get(name, seconds), seconds)
    for name, seconds in best.items():
        print(f"{name:40s} {seconds * 1e3:8.1f} ms {SIZE / seconds / 1e6:8.0f} M elements/s")
    rows = [("plain quantize / memory copy", "quantize/int8/tensor", "memcpy", "goal >= 0.80"),
            ("quantize with error split / torch fake quantize", "quantize+error/int8/tensor",
             "torch.fake_quantize_per_tensor_affine", "goal >= 10"),
            ("histogram of 256 bins / torch.histc", "histogram/256", "torch.histc", "goal >= 5")]
    for label, ours, peer, goal in rows:
        if ours in best and peer in best:
            print(f"{label:50s} {best[peer] / best[ours]:6.2f}x  ({goal})")


if __name__ == "__main__":
    main()
