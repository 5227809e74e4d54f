#!/usr/bin/env python3
"""Perplexity scoring beside its peers, all in one run: ours in float and in integers (W8A8), llama.cpp on F32, Q8_0 and
Q4_1, transformers + torch in float32.

    python tests/bench/peers/forward_peer.py BENCH_FORWARD QUANTSCOPE_CLI [CHUNKS]

Windows of 512 tokens, the second half scored, the same text, as many threads as the process has cores. The peers take
turns, twice, and the median window of each counts, so that a busy machine is busy for all of them. llama.cpp's times are
without its softmax. A peer that is not installed is left out with a line that says so.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "golden" / "model"))

WINDOW = 512
ROUNDS = 2
MODEL = ROOT / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
TEXT = ROOT / "samples" / "text" / "held-out.txt"
# What takes part for us: a name, and the text form of the variant.
OWN = {"float": "float", "W8A8": "w8a8/token"}
OURS = re.compile(r"median window ([\d.]+) ms, best [\d.]+ ms; ([\d.]+) ms of processor")

# One window: seconds and seconds of all processors.
Window = tuple[float, float]
Peer = Callable[[], list[Window]]


def ours(program: str, chunks: int, variant: str) -> Peer:
    def run() -> list[Window]:
        command = [program, str(MODEL), str(TEXT), str(chunks), "scoring", variant]
        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        print(answer, end="")
        wall, processor = OURS.search(answer).groups()
        return [(float(wall) / 1e3, float(processor) / 1e3)]
    return run


def llama(cli: str, folder: str, chunks: int, form: str) -> Peer:
    from llama_scoring import LlamaModel

    file = Path(folder) / f"{form}.gguf"
    options = ["float", "--dequantize", "F32"] if form == "F32" else [f"preset={form.lower()}"]
    subprocess.run([cli, "quantize", str(MODEL), "--scheme", *options, "--tensors", "*", "-o", str(file)], check=True,
                   capture_output=True)
    model = LlamaModel(file, WINDOW)
    ids = model.tokenize(TEXT.read_text(encoding="utf-8"))

    def run() -> list[Window]:
        scores = model.score(ids, chunks)
        return list(zip(scores.seconds, scores.processor_seconds))[1:]
    return run


def transformers(chunks: int) -> Peer:
    import golden
    import smollm2
    import torch

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    reader = smollm2.open_reader(golden.GGUF_MODEL)
    model = smollm2.load_model(reader)
    ids = smollm2.load_tokenizer(reader).encode(TEXT.read_text(encoding="utf-8")).ids

    def run() -> list[Window]:
        windows: list[Window] = []
        for chunk in range(chunks):
            tokens = torch.tensor(ids[chunk * WINDOW:(chunk + 1) * WINDOW])
            start, begin = time.perf_counter(), time.process_time()
            with torch.no_grad():
                hidden = model.model(tokens[None], use_cache=False).last_hidden_state[0, WINDOW // 2:-1]
                torch.nn.functional.cross_entropy(model.lm_head(hidden), tokens[WINDOW // 2 + 1:])
            windows.append((time.perf_counter() - start, time.process_time() - begin))
        return windows[1:]
    return run


def main() -> None:
    program, cli = sys.argv[1], sys.argv[2]
    chunks = int(sys.argv[3]) if len(sys.argv) > 3 else 4
    with tempfile.TemporaryDirectory() as folder:
        makers = {f"quantscope {name}": lambda variant=variant: ours(program, chunks, variant)
                  for name, variant in OWN.items()}
        makers |= {f"llama.cpp {form}": lambda form=form: llama(cli, folder, chunks, form)
                   for form in ("F32", "Q8_0", "Q4_1")}
        makers["transformers float32"] = lambda: transformers(chunks)
        peers: dict[str, Peer] = {}
        for name, make in makers.items():
            try:
                peers[name] = make()
            except ImportError as missing:
                print(f"{name}: left out, {missing.name} is not installed (tests/bench/requirements.txt)")
        windows: dict[str, list[Window]] = {name: [] for name in peers}
        for _ in range(ROUNDS):
            for name, run in peers.items():
                windows[name] += run()
        middle = {name: [median(column) for column in zip(*seen)] for name, seen in windows.items()}
        heads = "".join(f"{name + ' is':>16}{'by processor':>14}" for name in OWN)
        print(f"{'':22}{'tokens/s':>9}{'ms a window':>13}{'processor ms':>14}{heads}")
        for name, (wall, processor) in middle.items():
            ratios = ""
            for own in OWN:
                own_wall, own_processor = middle[f"quantscope {own}"]
                ratios += f"{wall / own_wall:15.2f}x{processor / own_processor:13.2f}x"
            print(f"{name:22}{WINDOW / wall:9.0f}{wall * 1e3:13.0f}{processor * 1e3:14.0f}{ratios}")


if __name__ == "__main__":
    main()
