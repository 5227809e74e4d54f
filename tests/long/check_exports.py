#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Models that quantscope-cli exports load in their own ecosystems on a CPU and score there as they do here.

    python tests/long/check_exports.py QUANTSCOPE_CLI [MODEL ...]

For each layout: export; score the variant and the exported file with `quantscope-cli eval` (the latter through our own
import), score the file with the layout's loader, ask `quantscope-cli doctor`. Default models: the sample and, where
it is there, SmolLM2. Exit: 0 all agree, 1 one does not, 77 when the loaders are not installed
(tests/golden/export/requirements.txt).

Tolerances, relative to the perplexity. 0.0005: the same weights to the last bits of F16 scales, float32 arithmetic on
both sides. 0.002: the peer rounds something we do not: bfloat16 weights (FP4), inputs to absmax / 127.5 instead of
/ 127 (compressed-tensors), sums of int8 products (bitsandbytes). 0.005 for GGUF: llama.cpp multiplies in 8 bits; the
variant compared quantizes inputs likewise, as Q8_0. 0.02 for Q2_K to Q6_K, whose inputs llama.cpp takes in groups
of 256 (SmolLM2's Q4_K: groups of 32 give 17.83, of 256 18.04, llama.cpp 18.13). 0.003: GPTQModel by itself computes in float16 only.
Variant and file may differ by 0.01 where the source is GGUF, whose weights are rounded to F16 on the way (codes at a tie
then fall otherwise) and for methods that calibrate, and by 0.02 for GPTQ from GGUF, which carries every such code on.
On SmolLM2 more for two whose own change of the log-likelihood is known no better over these tokens: LLM.int8() 0.015 (standard
error 0.009), IQ4_NL 0.0075 (standard error 0.03; llama.cpp multiplies the head in 8 bits, too, which the variant does not).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = ROOT / "samples" / "text" / "held-out.txt"
CALIBRATION = ["--calibration", str(ROOT / "samples" / "text" / "calibration.txt"), "--calibration-chunks", "4"]
SAMPLE = ROOT / "samples" / "tiny-llama"
SMOLLM2 = ROOT / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
WINDOWS = 2
ROUNDED_SOURCE = 0.01
CARRIED_ON = 0.02
NOISY = {"llm-int8/threshold=6": 0.015, "iq4_nl": 0.0075}
LLAMA_INPUTS = " @act=preset=q8_0"

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
warnings.filterwarnings("ignore")
sys.path.insert(0, str(ROOT / "tests" / "bench" / "peers"))
try:
    import accelerate  # noqa: F401
    import bitsandbytes  # noqa: F401
    import compressed_tensors  # noqa: F401
    import gptqmodel  # noqa: F401
    import optimum  # noqa: F401
    import folder_scoring
    from llama_scoring import LlamaModel
except ImportError as missing:
    print(f"skipped: {missing.name or missing} is not installed (tests/golden/export/requirements.txt)")
    sys.exit(77)


@dataclass(frozen=True)
class Form:
    layout: str
    variant: str
    loader: str = "transformers"
    tolerance: float = 0.0005
    calibrated: bool = False
    whole: bool = True  # also on the larger model


FORMS = (
    Form("gptq", "gptq/int4/group=64", calibrated=True),
    Form("gptq", "int4/affine/group=32"),
    Form("gptq", "int8/channel", whole=False),
    Form("gptq-v2", "gptq/int4/affine/group=64/act-order", calibrated=True),
    Form("gptq-v2", "gptq/int4/affine/group=64/inputs=true-sequential", calibrated=True, whole=False),
    Form("gptq-v2", "int4/affine/group=64", "GPTQModel", 0.003, whole=False),
    Form("gptq-v2", "int3/affine/group=32", whole=False),
    Form("gptq-v2", "int2/affine/group=32", whole=False),
    Form("awq", "int4/affine/group=64"),
    Form("awq", "awq/int4/affine/group=64 @*.attn_output=int4/affine/group=64", calibrated=True, whole=False),
    Form("compressed-tensors", "int4/group=64"),
    Form("compressed-tensors", "int4/affine/group=64", "dequantize"),
    Form("compressed-tensors", "int8/channel", whole=False),
    Form("compressed-tensors", "int8/channel @act=int8/symmetric/full/token", tolerance=0.002),
    Form("compressed-tensors", "fp8"),
    Form("compressed-tensors", "fp8/scale=tensor", whole=False),
    Form("compressed-tensors", "fp8/scale=block", whole=False),
    Form("compressed-tensors", "nvfp4", "dequantize", 0.002),
    Form("compressed-tensors", "mxfp4", "dequantize", 0.002),
    Form("bitsandbytes", "nf4"),
    Form("bitsandbytes", "nf4/double", whole=False),
    Form("bitsandbytes", "fp4", whole=False),
    Form("bitsandbytes", "llm-int8/threshold=6", tolerance=0.002),
    Form("gguf", "preset=q8_0", "llama.cpp", 0.005),
    Form("gguf", "q6_k", "llama.cpp", 0.02),
    Form("gguf", "q5_k", "llama.cpp", 0.02),
    Form("gguf", "q4_k/imatrix", "llama.cpp", 0.02, calibrated=True),
    Form("gguf", "q3_k", "llama.cpp", 0.02),
    Form("gguf", "q2_k", "llama.cpp", 0.02),
    Form("gguf", "iq4_nl", "llama.cpp", 0.005),
)


def run(*command: str) -> dict:
    answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{answer.stderr or answer.stdout}")
    return json.loads(answer.stdout)


def our_perplexity(program: str, model: Path, variant: str, *options: str) -> float:
    answer = run(program, "eval", "--model", str(model), "--text", str(TEXT), "--variants", f"float; {variant}",
                 "--chunks", str(WINDOWS), "--json", *options)
    return float(answer["variants"][-1]["perplexity"])


def llama_perplexity(file: Path, text: str) -> float:
    peer = LlamaModel(file)
    ids = peer.tokenize(text)
    if peer.adds_bos():
        for first in range(0, len(ids), peer.window):
            ids[first] = ids[0]
    value = peer.score(ids, WINDOWS).perplexity
    peer.close()
    return value


def peer_perplexity(form: Form, target: Path, text: str) -> float:
    if form.loader == "llama.cpp":
        return llama_perplexity(target, text)
    model = (folder_scoring.load_gptq_model(target) if form.loader == "GPTQModel"
             else folder_scoring.load(target, form.loader == "dequantize"))
    return folder_scoring.perplexity(model, folder_scoring.token_ids(target, text), WINDOWS)


def check(program: str, model: Path, form: Form, folder: Path, text: str) -> bool:
    gguf = form.layout == "gguf"
    target = folder / ("model.gguf" if gguf else "model")
    calibration = CALIBRATION if form.calibrated else []
    run(program, "export", str(model), "--variant", form.variant, "--layout", form.layout, "-o", str(target), "--json",
        *calibration)
    ours = our_perplexity(program, model, form.variant + (LLAMA_INPUTS if gguf else ""), *calibration)
    theirs = peer_perplexity(form, target, text)
    back, report = ours, {"healthy": True}
    if gguf:
        back = our_perplexity(program, target, "float" + LLAMA_INPUTS)
    elif "@act" not in form.variant and not form.variant.startswith("llm-int8"):
        back = our_perplexity(program, target, "float")
        report = run(program, "doctor", str(target), "--json")
    rounded = model.suffix == ".gguf"
    tolerance = NOISY.get(form.variant, form.tolerance) if rounded else form.tolerance
    agrees = abs(theirs / back - 1) <= tolerance and report["healthy"]
    source = CARRIED_ON if rounded and form.variant.startswith("gptq") else ROUNDED_SOURCE
    agrees = agrees and abs(back / ours - 1) <= (source if rounded or form.calibrated else form.tolerance)
    print(f"{form.layout:19} {form.variant[:45]:45} {form.loader:13} {ours:9.4f} {back:9.4f} {theirs:9.4f}"
          f"{'' if agrees else '  DISAGREES'}{'' if report['healthy'] else '  ' + str(report['findings'])}", flush=True)
    return agrees


def main() -> int:
    program = sys.argv[1]
    models = [Path(name) for name in sys.argv[2:]] or [SAMPLE, *([SMOLLM2] if SMOLLM2.exists() else [])]
    text = TEXT.read_text(encoding="utf-8")
    failed = 0
    for model in models:
        print(f"{model.name}, {WINDOWS} windows of {folder_scoring.WINDOW} tokens")
        print(f"{'layout':19} {'variant':45} {'loader':13} {'variant':>9} {'file':>9} {'theirs':>9}")
        for form in FORMS:
            if model.suffix == ".gguf" and not form.whole:
                continue
            with tempfile.TemporaryDirectory() as folder:
                try:
                    failed += not check(program, model, form, Path(folder), text)
                except Exception as error:  # a loader that breaks is a finding like any other
                    print(f"{form.layout:19} {form.variant[:45]:45} {form.loader:13} FAILED: {str(error)[:400]}", flush=True)
                    failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
