#!/usr/bin/env python3
"""Writes splits_*.txt: how each pre-tokenizer cuts hard_text.txt, as UTF-8 byte lengths.

    python tests/golden/model/make_split_goldens.py

The pieces come from the `tokenizers` package and are checked against the `regex` package.
"""

from __future__ import annotations

import regex
from tokenizers import Regex
from tokenizers.pre_tokenizers import Digits, PreTokenizer, Sequence, Split

import golden


def isolated(pattern: str) -> PreTokenizer:
    return Split(Regex(pattern), behavior="isolated")


PRE_TOKENIZERS: dict[str, tuple[str, PreTokenizer]] = {
    "gpt2": (golden.GPT2_PATTERN, isolated(golden.GPT2_PATTERN)),
    "llama3": (golden.LLAMA3_PATTERN, isolated(golden.LLAMA3_PATTERN)),
    "qwen2": (golden.QWEN2_PATTERN, isolated(golden.QWEN2_PATTERN)),
    "smollm": (
        r"\p{N}, then inside the pieces between " + golden.GPT2_PATTERN,
        Sequence([Digits(individual_digits=True), isolated(golden.GPT2_PATTERN)]),
    ),
}


def pieces_by_regex(name: str, text: str) -> list[str]:
    """The same splits by another engine; Python's `regex` knows the same Unicode classes."""
    if name != "smollm":
        return regex.findall(PRE_TOKENIZERS[name][0], text)
    parts = [part for part in regex.split(r"(\p{N})", text) if part]
    return [piece for part in parts for piece in regex.findall(golden.GPT2_PATTERN, part)]


def main() -> None:
    text = golden.HARD_TEXT.read_bytes().decode("utf-8")
    for name, (pattern, pre_tokenizer) in PRE_TOKENIZERS.items():
        pieces = [text[begin:end] for _, (begin, end) in pre_tokenizer.pre_tokenize_str(text)]
        if "".join(pieces) != text or pieces != pieces_by_regex(name, text):
            raise RuntimeError(f"{name}: the two engines disagree")
        header = [
            f"Golden: pieces of hard_text.txt after the pre-tokenizer {name}, before any normalization.",
            f"Pattern: {pattern}",
            f"Generator: make_split_goldens.py; {golden.versions('tokenizers', 'regex')}, which agree.",
            "Tolerance: exact. Record: bytes <UTF-8 length of each piece, in order>.",
        ]
        golden.write(f"splits_{name}.txt", header, [golden.record("bytes", [len(p.encode()) for p in pieces])])


if __name__ == "__main__":
    main()
