#!/usr/bin/env python3
"""Reading a prompt and decoding beside llama.cpp, in one run: tokens a second of ours in integers (W8A8, W4A8, W4A16)
and of llama.cpp on Q8_0, Q4_0 and Q4_1, the head quantized on both sides.

    python tests/bench/peers/decode_peer.py QUANTSCOPE_CLI [ROUNDS]

A 512-token prompt, then 32 tokens one by one, logits after the prompt and after each. Both sides take turns; the median
and the fastest round of each are printed, the fastest because another program on the machine can only slow a round down.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[3]
MODEL = ROOT / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
PROMPT, DECODED = 512, 32
OWN = {"W8A8": "w8a8/token @output=w8a8/token", "W4A8 g32": "w4a8/group=32 @output=w4a8/group=32",
       "W4A16 g32": "w4a16/group=32 @output=w4a16/group=32"}
FORMS = ("Q8_0", "Q4_0", "Q4_1")
# The pairs that do the same work: bits of weights and of activations.
PAIRS = (("W8A8", "Q8_0"), ("W4A8 g32", "Q4_0"), ("W4A8 g32", "Q4_1"), ("W4A16 g32", "Q4_0"), ("W4A16 g32", "Q4_1"))

# Seconds of the prompt and of the tokens after it.
Times = dict[str, list[tuple[float, float]]]


def own_round(cli: str, times: Times) -> None:
    command = [cli, "bench", "forward", "--model", str(MODEL), "--variants", "; ".join(["float", *OWN.values()]),
               "--repeats", "3", "--json"]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    for name, row in zip(["float", *OWN], answer["results"]):
        times.setdefault(name, []).append((PROMPT / row["prompt"]["best_tokens_per_second"],
                                           DECODED / row["decoding"]["best_tokens_per_second"]))


def llama_round(models: dict[str, object], times: Times) -> None:
    tokens = [(7919 * i) % 49000 for i in range(PROMPT + DECODED)]
    for form, model in models.items():
        for _ in range(3):
            model.reset()
            start = time.perf_counter()
            model.eval(tokens[:PROMPT])
            middle = time.perf_counter()
            for token in tokens[PROMPT:]:
                model.eval([token])
            times.setdefault(f"llama.cpp {form}", []).append((middle - start, time.perf_counter() - middle))


def main() -> None:
    try:
        from llama_cpp import Llama
    except ImportError:
        print("left out: llama-cpp-python is not installed (tests/bench/requirements.txt)")
        return
    cli = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    times: Times = {}
    with tempfile.TemporaryDirectory() as folder:
        models = {}
        for form in FORMS:
            file = Path(folder) / f"{form}.gguf"
            subprocess.run([cli, "quantize", str(MODEL), "--scheme", f"preset={form.lower()}", "--tensors", "*", "-o", str(file)],
                           check=True, capture_output=True)
            models[form] = Llama(str(file), n_ctx=PROMPT + DECODED, n_batch=PROMPT, n_threads=2, n_threads_batch=2,
                                 n_gpu_layers=0, verbose=False)
        for _ in range(rounds):
            own_round(cli, times)
            llama_round(models, times)
    print(f"{'tokens/s':24}{'prompt':>10}{'fastest':>10}{'decoding':>10}{'fastest':>10}")
    for name, seen in times.items():
        prompt, decoding = ([seconds[i] for seconds in seen] for i in (0, 1))
        print(f"{name:24}{PROMPT / median(prompt):10.0f}{PROMPT / min(prompt):10.0f}"
              f"{DECODED / median(decoding):10.1f}{DECODED / min(decoding):10.1f}")
    print(f"{'fastest of ours is':32}{'prompt':>10}{'decoding':>10}")
    for own, form in PAIRS:
        ratios = [min(s[i] for s in times[f"llama.cpp {form}"]) / min(s[i] for s in times[own]) for i in (0, 1)]
        print(f"{own + ' / ' + form:32}{ratios[0]:9.2f}x{ratios[1]:9.2f}x")


if __name__ == "__main__":
    main()
