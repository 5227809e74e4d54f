# SPDX-License-Identifier: Apache-2.0
"""Elementwise passes beside PyTorch's, alternately in one run: best times and ratios.

    elementwise_peer.py BENCH_ELEMENTWISE [ROUNDS]

Each round runs every pass of ours once (a Google Benchmark process with a short minimum time), then the peer's;
the best of all rounds counts on both sides, so that a busy moment of the machine hits both. Beside elapsed time
stands processor time (all threads), which other programs on the machine disturb less.
"""
import json
import subprocess
import sys
import time

SIZE = 64 << 20
SCALE = 3.0 / 127
OURS = ["memcpy", "quantize/int8/tensor", "quantize+error/int8/tensor", "error/int8/tensor", "histogram/256"]


def run_ours(program):
    names = "|".join(name.replace("+", "[+]") for name in OURS)
    done = subprocess.run(
        [program, f"--benchmark_filter=^({names})/process_time/real_time", "--benchmark_format=json", "--benchmark_min_time=0.5"],
        check=True, capture_output=True, text=True)
    return {b["name"].removesuffix("/process_time/real_time"): (b["real_time"] * 1e-3, b["cpu_time"] * 1e-3)
            for b in json.loads(done.stdout)["benchmarks"]}


def timed(work):
    begin, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begin, time.process_time() - cpu


def keep_best(best, name, times):
    old = best.get(name, times)
    best[name] = (min(old[0], times[0]), min(old[1], times[1]))


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
        for name, times in run_ours(program).items():
            keep_best(best, name, times)
        for name, work in peers.items():
            for _ in range(2):
                keep_best(best, name, timed(work))
    for name, (seconds, cpu) in best.items():
        print(f"{name:40s} {seconds * 1e3:8.1f} ms {SIZE / seconds / 1e6:8.0f} M elements/s {cpu * 1e3:8.1f} ms of processor")
    rows = [("plain quantize / memory copy", "quantize/int8/tensor", "memcpy", "goal >= 0.80"),
            ("quantize with error split / torch fake quantize", "quantize+error/int8/tensor",
             "torch.fake_quantize_per_tensor_affine", "goal >= 10"),
            ("error split alone, nothing stored / the same", "error/int8/tensor",
             "torch.fake_quantize_per_tensor_affine", "no goal"),
            ("histogram of 256 bins / torch.histc", "histogram/256", "torch.histc", "goal >= 5")]
    for label, ours, peer, goal in rows:
        if ours in best and peer in best:
            print(f"{label:50s} {best[peer][0] / best[ours][0]:6.2f}x elapsed, "
                  f"{best[peer][1] / best[ours][1]:6.2f}x processor time  ({goal})")


if __name__ == "__main__":
    main()
