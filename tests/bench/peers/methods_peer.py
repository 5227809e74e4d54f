# SPDX-License-Identifier: Apache-2.0
"""bench_methods beside a peer of each method (method_peers.py) on the weights of one block of SmolLM2-135M and 8,192
tokens, taking turns in one run:

    methods_peer.py PROGRAM [--rounds N] [TEXT...]

Only variants that contain one of TEXT, if any is given. Prints the medians and their ratio; what a peer lacks the
package for is left out, and said. A second row, "X^T X given", leaves out the gathering where the peer can do without:
that part is one matrix product, the same for everybody."""

import argparse
import inspect
import os
import statistics
import subprocess
import time

import torch

from method_peers import SOURCES, hessian

SHAPES = [(576, 576), (192, 576), (192, 576), (576, 576), (1536, 576), (1536, 576), (576, 1536)]
TOKENS = 8192


def seconds_of(run, layers, **given):
    """One block; a peer that takes some rows only is scaled to all of them. `given`: lists, an argument a layer."""
    total = 0.0
    for i, (w, x) in enumerate(layers):
        start = time.perf_counter()
        run(w, x, **{name: values[i] for name, values in given.items()})
        total += (time.perf_counter() - start) / (run.share(w) if hasattr(run, "share") else 1)
    return total


def ours(program, variant):
    """Seconds to gather the statistics and to quantize."""
    fields = subprocess.run([program, variant], capture_output=True, text=True, check=True).stdout.split("\t")
    return float(fields[1]), float(fields[2])


def report(variant, source, theirs, mine):
    theirs, mine = statistics.median(theirs), statistics.median(mine)
    print(f"| {variant} | {source} | {theirs:.3f} | {mine:.3f} | {theirs / mine:.1f} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("texts", nargs="*")
    options = parser.parse_intermixed_args()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(0)
    layers = [(torch.randn(shape) * 0.05, torch.randn(TOKENS, shape[1])) for shape in SHAPES]
    print(f"one block of SmolLM2-135M, {TOKENS} tokens, {torch.get_num_threads()} threads, "
          f"medians of {options.rounds}")
    print("| variant | peer | peer, s | quantscope, s | ratio |\n| --- | --- | ---: | ---: | ---: |")
    for source, peers in SOURCES.items():
        try:
            table = peers()
        except (ImportError, StopIteration) as error:
            print(f"no {source}: {error}")
            continue
        for variant, run in table.items():
            if options.texts and not any(text in variant for text in options.texts):
                continue
            takes_hessian = "h" in inspect.signature(run).parameters
            given = [hessian(x) for _, x in layers] if takes_hessian else []
            theirs, mine, without = [], [], []
            for _ in range(options.rounds):
                theirs.append(seconds_of(run, layers))
                if takes_hessian:
                    without.append(seconds_of(run, layers, h=given))
                mine.append(ours(options.program, variant))
            report(variant, source, theirs, [sum(parts) for parts in mine])
            if takes_hessian:
                report(f"{variant}, X^T X given", source, without, [quantized for _, quantized in mine])


if __name__ == "__main__":
    main()
