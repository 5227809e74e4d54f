#!/usr/bin/env python3
"""Perplexity scoring with transformers and torch in float32: the peer of bench_forward.

    python tests/bench/peers/forward_peer.py [CHUNKS]

Windows of 512 tokens, the second half scored, as llama-perplexity does.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "golden" / "model"))

import golden  # noqa: E402
import smollm2  # noqa: E402


@torch.no_grad()
def main() -> None:
    chunks = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    reader = smollm2.open_reader(golden.GGUF_MODEL)
    model = smollm2.load_model(reader)
    ids = smollm2.load_tokenizer(reader).encode(golden.HELD_OUT.read_text(encoding="utf-8")).ids
    times: list[float] = []
    processor: list[float] = []
    total = 0.0
    for chunk in range(chunks):
        window = torch.tensor(ids[chunk * golden.WINDOW:(chunk + 1) * golden.WINDOW])
        start = time.perf_counter()
        begin = time.process_time()
        logits = model(window[None], use_cache=False).logits[0, golden.WINDOW // 2:-1]
        total += torch.nn.functional.cross_entropy(logits, window[golden.WINDOW // 2 + 1:]).item()
        times.append(time.perf_counter() - start)
        processor.append(time.process_time() - begin)
    median = sorted(times)[len(times) // 2]
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    print(f"float scoring     {golden.WINDOW / median:8.0f} tokens/s (median window {median * 1e3:.1f} ms), "
          f"mean nll {total / chunks:.6f}")
    print(f"                  {sum(processor[1:]) / (chunks - 1) * 1e3:8.1f} ms of processor time a window")


if __name__ == "__main__":
    main()
