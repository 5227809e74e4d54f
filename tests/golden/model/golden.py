"""What the golden files share: folders, the file format, the pre-tokenizer patterns and the perplexity protocol.

A golden file is text. Lines that start with `#` are its header; every other line is a record: a key and its values,
separated by single spaces. Keys may repeat. Numbers have nine significant digits, enough to bring a float32 back.
"""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Iterable
from pathlib import Path

import torch

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[2]
SAMPLE_MODEL = ROOT / "samples" / "tiny-llama"
HELD_OUT = ROOT / "samples" / "text" / "held-out.txt"
HARD_TEXT = FOLDER / "hard_text.txt"
GGUF_MODEL = ROOT / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"

WINDOW = 512

GPT2_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2_PATTERN = LLAMA3_PATTERN.replace(r"\p{N}{1,3}", r"\p{N}")


def versions(*packages: str) -> str:
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)


def number(value: float) -> str:
    return f"{float(value):.9g}"


def record(key: str, values: Iterable[object]) -> str:
    return " ".join([key, *(number(value) if isinstance(value, float) else str(value) for value in values)])


def write(name: str, header: list[str], records: list[str]) -> None:
    lines = [f"# {line}" for line in header] + records
    (FOLDER / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


@torch.no_grad()
def perplexity_records(model: torch.nn.Module, ids: list[int], chunks: int, bos: int | None) -> list[str]:
    """The llama.cpp protocol: windows of 512 tokens that do not overlap, 255 targets scored in each.

    With `bos`, it takes the place of each window's first token. The logits at positions 256..510 are scored against
    the tokens at 257..511.
    """
    first = WINDOW // 2
    means: list[float] = []
    for chunk in range(chunks):
        window = torch.tensor(ids[chunk * WINDOW:(chunk + 1) * WINDOW])
        if bos is not None:
            window[0] = bos
        logits = model(window[None], use_cache=False).logits[0, first:WINDOW - 1].double()
        means.append(torch.nn.functional.cross_entropy(logits, window[first + 1:]).item())
    mean = sum(means) / chunks
    scored = chunks * (WINDOW - 1 - first)
    return [
        record("text_tokens", [len(ids)]),
        record("window", [WINDOW]),
        record("bos", ["none" if bos is None else bos]),
        *(record("chunk", [index, value]) for index, value in enumerate(means)),
        record("scored_tokens", [scored]),
        record("mean_nll", [mean]),
        record("perplexity", [math.exp(mean)]),
    ]
