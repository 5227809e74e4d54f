#!/usr/bin/env python3
"""Files that quantscope-cli writes load in llama.cpp and score there as they do here.

    python tests/long/check_gguf_in_llama.py QUANTSCOPE_CLI [MODEL.gguf]

For every GGUF form: quantize, evaluate with quantscope-cli, evaluate with llama.cpp, compare perplexities over two
windows. For block types llama.cpp rounds activations as Q8_0 rounds weights; so does the variant that is compared.
Rounding that falls on the other side here and there moves a perplexity by a few tenths of a per cent.
Exit: 0 all agree, 1 one does not, 77 when llama-cpp-python is not installed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = ROOT / "samples" / "text" / "held-out.txt"
MODEL = ROOT / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
WINDOWS = 2
TOLERANCE = 0.005
ALL_TENSORS = ["--tensors", "*"]
FLOATS = ("F32", "F16")
FORMS = {
    "F32": ["--scheme", "float", "--dequantize", "F32", *ALL_TENSORS],
    "F16": ["--scheme", "float", "--dequantize", "F16", *ALL_TENSORS],
    "Q8_0": ["--scheme", "preset=q8_0"],
    "Q5_1": ["--scheme", "preset=q5_1"],
    "Q5_0": ["--scheme", "preset=q5_0"],
    "Q4_1": ["--scheme", "preset=q4_1"],
    "Q4_0": ["--scheme", "preset=q4_0"],
}

sys.path.insert(0, str(ROOT / "tests" / "bench" / "peers"))
try:
    from llama_scoring import LlamaModel
except ImportError as missing:
    print(f"skipped: {missing.name or missing} is not installed (tests/bench/requirements.txt)")
    sys.exit(77)


def our_perplexity(program: str, file: Path, form: str) -> float:
    variants = "float" if form in FLOATS else "float; float @act=preset=q8_0"
    command = [program, "eval", "--model", str(file), "--text", str(TEXT), "--variants", variants, "--chunks",
               str(WINDOWS), "--json"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(answer.stdout)["variants"][-1]["perplexity"])


def main() -> int:
    program = sys.argv[1]
    model = Path(sys.argv[2]) if len(sys.argv) > 2 else MODEL
    text = TEXT.read_text(encoding="utf-8")
    failed = 0
    print(f"{'form':6} {'MiB':>7} {'quantscope':>11} {'llama.cpp':>11} {'difference':>11}")
    with tempfile.TemporaryDirectory() as folder:
        for form, options in FORMS.items():
            file = Path(folder) / f"{form}.gguf"
            subprocess.run([program, "quantize", str(model), *options, "-o", str(file)], check=True,
                           capture_output=True)
            ours = our_perplexity(program, file, form)
            peer = LlamaModel(file)
            theirs = peer.score(peer.tokenize(text), WINDOWS).perplexity
            peer.close()
            difference = ours / theirs - 1
            agrees = abs(difference) <= TOLERANCE
            failed += not agrees
            print(f"{form:6} {file.stat().st_size / 2**20:7.1f} {ours:11.4f} {theirs:11.4f} {100 * difference:10.3f} %"
                  f"{'' if agrees else '  DISAGREES'}", flush=True)
            file.unlink()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
