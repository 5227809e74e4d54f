#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Methods on SmolLM2 beside their peers: the same bits, groups, calibration text and scored tokens, perplexity against
perplexity.

    python tests/long/check_methods.py QUANTSCOPE_CLI [TEXT ...]

The peer quantizes transformers' float32 model layer by layer, from the float model's inputs, with a package (hqq,
bitsandbytes) or with plain torch after the method's own scripts (tests/bench/peers/method_peers.py), and is scored by
transformers. Ours may be worse by 0.5 % of the perplexity, or by the standard error of the difference to float if
that is more, or by what chance gives a method that draws random numbers. Only variants that contain one of TEXT, if any
is given. Exit: 0 none is worse, 1 one is, 77 when a peer or the model is not there.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
TEXT = ROOT / "samples" / "text" / "held-out.txt"
CALIBRATION = ROOT / "samples" / "text" / "calibration.txt"
WINDOW, WINDOWS, CALIBRATION_WINDOWS = 512, 4, 8

sys.path[:0] = [str(ROOT / "tests" / "bench" / "peers"), str(ROOT / "tests" / "golden" / "model")]
try:
    import bitsandbytes.functional as bnb
    import torch
    from hqq.core.quantize import Quantizer

    import folder_scoring
    import method_peers
    from smollm2 import load_model, load_tokenizer, open_reader
except ImportError as missing:
    print(f"skipped: {missing.name or missing} is not installed")
    sys.exit(77)

Quantize = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Weights = dict[str, torch.Tensor]  # of the layers that read the same inputs, by name
QuantizeReaders = Callable[[Weights, torch.Tensor], Weights]


def hqq(bits: int) -> Quantize:
    def run(w: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        codes, meta = Quantizer.quantize(w, nbits=bits, group_size=64, axis=1, bitpack=False, device="cpu")
        return ((codes.float() - meta["zero"]) * meta["scale"]).reshape(w.shape)

    return run


def nf4(w: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    return bnb.dequantize_4bit(*bnb.quantize_4bit(w, blocksize=64, quant_type="nf4"))


def gptq(bits: int) -> Quantize:
    return lambda w, x: method_peers.gptq(w, x, bits, 64)


def each(quantize: Quantize) -> QuantizeReaders:
    return lambda readers, x: {name: quantize(w, x) for name, w in readers.items()}


def awq(readers: Weights, x: torch.Tensor) -> Weights:
    """One scale for all readers, which lets it be folded into the norm before; query and key are not clipped."""
    s = method_peers.awq_scale(list(readers.values()), x)
    result = {}
    for name, w in readers.items():
        cut = w * s if name.endswith(("q_proj", "k_proj")) else method_peers.awq_clip(w * s, x / s)
        result[name] = method_peers.fake(cut, 4) / s
    return result


PEERS: dict[str, QuantizeReaders] = {
    "int4/affine/group=64": each(lambda w, x: method_peers.fake(w, 4)),
    "nf4/block=64": each(nf4),
    "hqq/int4/group=64": each(hqq(4)),
    "hqq/int3/group=64": each(hqq(3)),
    "gptq/int4/affine/group=64/inputs=float": each(gptq(4)),
    "gptq/int3/affine/group=64/inputs=float": each(gptq(3)),
    "awq/int4/group=64": awq,
    "wanda/sparsity=0.5": each(method_peers.wanda),
    "sparsegpt/pattern=2:4/inputs=float": each(method_peers.sparsegpt),
    "quip-sharp": each(method_peers.quip_sharp),
}


# Two standard deviations of what other seeds give.
BY_CHANCE = {"quip-sharp": 0.10}  # our seeds 0 to 3: 36.9, 35.9, 35.4 and 32.8


class LlmInt8(torch.nn.Module):
    """The paper's decomposition (Dettmers et al. 2022, section 3.2). bitsandbytes departs from it: the maxima of rows
    take in what outlier channels hold below the threshold, which makes their steps coarser on this model."""

    def __init__(self, weight: torch.Tensor, whole_rows: bool) -> None:
        super().__init__()
        self.scale = weight.abs().amax(1) / 127
        self.codes = torch.round(weight / self.scale[:, None])
        self.whole_rows = whole_rows

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = x.reshape(-1, x.shape[-1])
        large = rows.abs() >= 6
        outliers = large.any(0)
        rest = torch.where(large if self.whole_rows else outliers, 0.0, rows)
        step = rest.abs().amax(1, keepdim=True).clamp(min=1e-30) / 127
        codes = torch.where(outliers, 0.0, torch.round(rest / step))
        y = codes @ self.codes.T * step * self.scale
        y += rows[:, outliers] @ (self.codes * self.scale[:, None])[:, outliers].T
        return y.reshape(*x.shape[:-1], -1)


# Peers that change inputs, too: layers in the place of the linear ones. The second is not compared, but shown.
LAYERS: dict[str, tuple[str, Callable[[torch.Tensor], torch.nn.Module]]] = {
    "llm-int8": ("llm-int8", lambda w: LlmInt8(w, False)),
    "llm-int8, as bitsandbytes": ("llm-int8", lambda w: LlmInt8(w, True)),
}


def linears(model: torch.nn.Module) -> dict[str, torch.nn.Linear]:
    return {name: m for name, m in model.model.layers.named_modules() if isinstance(m, torch.nn.Linear)}


READERS = {"q_proj": ("k_proj", "v_proj"), "gate_proj": ("up_proj",)}  # of the same inputs


def readers_of(name: str) -> list[str]:
    """`name`, the first to read its inputs, and the others."""
    parent, _, last = name.rpartition(".")
    return [name, *(f"{parent}.{other}" for other in READERS.get(last, ()))]


@torch.no_grad()
def inputs(model: torch.nn.Module, ids: list[int]) -> dict[str, torch.Tensor]:
    """What the linear layers of the blocks see of the calibration text, by the first reader of each input."""
    seen: dict[str, list[torch.Tensor]] = {}
    hooks = []
    for name, layer in linears(model).items():
        if name.endswith(tuple(other for others in READERS.values() for other in others)):
            continue
        hooks.append(layer.register_forward_pre_hook(
            lambda _, args, name=name: seen.setdefault(name, []).append(args[0][0].clone())))
    for first in range(0, CALIBRATION_WINDOWS * WINDOW, WINDOW):
        model(input_ids=torch.tensor([ids[first:first + WINDOW]]))
    for hook in hooks:
        hook.remove()
    return {name: torch.cat(parts) for name, parts in seen.items()}


def peer_perplexities(chosen: list[str]) -> Iterator[tuple[str, float]]:
    """One after the other, as each is scored."""
    reader = open_reader(MODEL)
    tokenizer = load_tokenizer(reader)
    model = load_model(reader)
    tokens = [tokenizer.encode(path.read_text(), add_special_tokens=False).ids for path in (TEXT, CALIBRATION)]
    originals = {name: layer.weight.data.clone() for name, layer in linears(model).items()}
    seen = inputs(model, tokens[1])
    yield "float", folder_scoring.perplexity(model, tokens[0], WINDOWS)
    for variant in (v for v in chosen if v in PEERS):
        torch.manual_seed(0)
        with torch.no_grad():
            for first, x in seen.items():
                readers = {name: originals[name] for name in readers_of(first)}
                for name, values in PEERS[variant](readers, x).items():
                    model.model.layers.get_submodule(name).weight.data = values
        yield variant, folder_scoring.perplexity(model, tokens[0], WINDOWS)
    for name, (variant, layer_of) in LAYERS.items():
        if variant not in chosen:
            continue
        for path, weight in originals.items():
            parent, _, child = path.rpartition(".")
            setattr(model.model.layers.get_submodule(parent), child, layer_of(weight))
        yield name, folder_scoring.perplexity(model, tokens[0], WINDOWS)


def our_rows(program: str, chosen: list[str]) -> dict[str, dict]:
    command = [program, "eval", "--model", str(MODEL), "--text", str(TEXT), "--variants",
               "; ".join(["float", *chosen]), "--chunks", str(WINDOWS), "--calibration", str(CALIBRATION),
               "--calibration-chunks", str(CALIBRATION_WINDOWS), "--json"]
    answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode != 0:
        raise RuntimeError(answer.stderr or answer.stdout)
    return dict(zip(["float", *chosen], json.loads(answer.stdout)["variants"]))


def main() -> int:
    if not MODEL.exists():
        print("skipped: the model is missing; run ./dev get-model")
        return 77
    program, texts = sys.argv[1], sys.argv[2:]
    offered = [*PEERS, *dict.fromkeys(variant for variant, _ in LAYERS.values())]
    chosen = [v for v in offered if not texts or any(text in v for text in texts)]
    ours = our_rows(program, chosen)
    worse = 0
    for variant, theirs in peer_perplexities(chosen):
        row = ours[LAYERS[variant][0] if variant in LAYERS else variant]
        own = float(row["perplexity"])
        allowed = max(0.005, float(row["delta_nll_se"]), BY_CHANCE.get(variant, 0))
        if variant == "float":
            allowed = 5e-5
        bad = own / theirs - 1 > allowed and "bitsandbytes" not in variant
        worse += bad
        print(f"{variant:34} quantscope {own:10.4f}  peer {theirs:10.4f}  {own / theirs - 1:+.4f}"
              f"{'  WORSE' if bad else ''}", flush=True)
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
